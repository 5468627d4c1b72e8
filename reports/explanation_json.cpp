#include "reports/explanation_json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace kvsim {
namespace {

using Work = Explanation::Work;

nlohmann::ordered_json as_json(const Work& work) {
  return {{"tokens", work.tokens}, {"seconds", work.seconds}};
}

nlohmann::ordered_json as_json(const Explanation::Life& life) {
  return {{"queue_s", life.queue_s},
          {"prefill_s", life.prefill_s},
          {"decode_s", life.decode_s},
          {"preemptions", life.preemptions}};
}

nlohmann::ordered_json request_or_null(std::uint64_t request) {
  if (request == kNoRequest) return nullptr;
  return request;
}

}  // namespace

nlohmann::ordered_json explanation_json(const Explanation& why) {
  nlohmann::ordered_json json = {{"query_tokens", why.queries},
                                 {"hit_tokens", why.hits},
                                 {"loaded_tokens", why.loaded},
                                 {"step_seconds", why.step_seconds},
                                 {"miss",
                                  {{"first_seen", as_json(why.first_seen)},
                                   {"capacity", as_json(why.capacity)},
                                   {"in_flight", as_json(why.in_flight)},
                                   {"granularity", as_json(why.granularity)},
                                   {"last_token", as_json(why.last_token)}}},
                                 {"recomputed", as_json(why.recomputed)}};
  json["evictions"] = {{"count", why.evictions},
                       {"tokens", why.evicted_tokens},
                       {"regretted", why.regretted},
                       {"wanted", as_json(why.regret)},
                       {"worst", nlohmann::ordered_json::array()}};
  for (const Explanation::Evicted& gone : why.worst_evictions)
    json["evictions"]["worst"].push_back({{"at_s", gone.at_s},
                                          {"request", gone.writer},
                                          {"first_token", gone.depth},
                                          {"tokens", gone.tokens},
                                          {"hits", gone.hits},
                                          {"idle_s", gone.idle_s},
                                          {"needed_by", request_or_null(gone.needed_by)},
                                          {"followed", gone.followed},
                                          {"wanted", as_json(gone.wanted)}});
  json["pieces"] = nlohmann::ordered_json::array();
  for (const Explanation::Piece& piece : why.worst_pieces)
    json["pieces"].push_back({{"request", piece.request},
                              {"first_token", piece.first},
                              {"tokens", piece.tokens},
                              {"prompts", piece.asked},
                              {"evictions", piece.evictions},
                              {"wanted", as_json(piece.wanted)}});
  json["preemptions"] = {{"count", why.preemptions}, {"worst", nlohmann::ordered_json::array()}};
  for (const Explanation::Preempted& lost : why.worst_preemptions)
    json["preemptions"]["worst"].push_back({{"at_s", lost.at_s},
                                            {"request", lost.request},
                                            {"reached_tokens", lost.reached},
                                            {"waited_s", std::max(lost.waited_s, 0.0)},
                                            {"readmitted", lost.waited_s >= 0},
                                            {"recomputed", as_json(lost.recomputed)}});
  json["tail"] = {{"requests", why.tail.requests},
                  {"mean", as_json(why.tail.mean)},
                  {"typical", as_json(why.tail.typical)},
                  {"worst", nlohmann::ordered_json::array()}};
  for (const Explanation::Life& life : why.tail.worst) {
    json["tail"]["worst"].push_back(as_json(life));
    json["tail"]["worst"].back()["request"] = life.request;
  }
  return json;
}

}  // namespace kvsim
