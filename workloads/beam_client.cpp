// beam-client: beam search as a client of a server that knows nothing of it.
//
// What vLLM V1's beam_search does (vllm/entrypoints/llm.py): at every token each beam is a request
// for one token, whose prompt is the beam's whole text; when all have answered, the best texts go
// on. What beams share the server finds in its prefix cache, if at all. Which beams live on is
// BeamSearch's, as with a server that forks.
// A search of n tokens makes 1 + (n - 1) * width requests: the first step has one text, the prompt.

#include <map>
#include <unordered_map>

#include "sim/core/check.h"
#include "sim/model/beam_search.h"
#include "sim/model/decoding.h"
#include "sim/model/workload_source.h"

namespace kvsim {
namespace {

class BeamClient final : public WorkloadLayer {
 public:
  explicit BeamClient(const Setup& setup)
      : below_(std::move(setup.below)), decoding_(decoding_of(setup.config)), seed_(setup.seed) {}

  [[nodiscard]] std::optional<Time> upcoming() override {
    const std::optional<Time> fresh = below_->upcoming();
    if (due_.empty()) return fresh;
    const Time next_token = due_.begin()->first.first;
    return fresh ? std::min(*fresh, next_token) : next_token;
  }

  void take(Request& out) override {
    const std::optional<Time> at = upcoming();
    KVSIM_CHECK(at.has_value(), "a request is taken only when one is known");
    if (due_.empty() || due_.begin()->first.first != *at) start_search(*at);
    const auto [family, beam] = due_.begin()->second;
    due_.erase(due_.begin());
    write(searches_.at(family), beam, *at, out);
  }

  void ended(const Request& r, Time now) override {
    const auto found = searches_.find(r.family);
    KVSIM_CHECK(found != searches_.end(), "only who was asked ends");
    Search& search = found->second;
    if (--search.unanswered > 0) return;
    if (search.beams.steps() + 1 == search.asked.output.value()) {
      below_->ended(search.asked, now);
      searches_.erase(found);
      return;
    }
    extend(search);
    ask_for_next(search, decoding_.beam_width, now);
  }
  [[nodiscard]] double progress() const override { return below_->progress(); }
  [[nodiscard]] WorkloadIdentity identity() const override { return below_->identity(); }

 private:
  struct Search {
    Request asked;
    BeamSearch beams;
    std::vector<Content> texts;  // of the beams
    std::uint32_t unanswered = 0;
  };

  void start_search(Time now) {
    Request asked;
    below_->take(asked);
    Search search{asked,
                  {decoding_.beam_width, decoding_.beam_peak, seed_, asked.id},
                  std::vector<Content>(decoding_.beam_width)};
    search.texts[0].append_slice(asked.content, Tokens(0), asked.prompt);
    ask_for_next(searches_.insert_or_assign(asked.id, std::move(search)).first->second, 1, now);
  }

  void ask_for_next(Search& search, std::uint32_t beams, Time now) {
    search.unanswered = beams;
    for (std::uint32_t i = 0; i < beams; ++i)
      due_.emplace(std::pair(now, made_due_++), std::pair(search.asked.id, i));
  }

  // Every beam says one token more, which nobody else says.
  static void extend(Search& search) {
    search.beams.step();
    const std::vector<Content> before = search.texts;
    for (std::uint32_t i = 0; i < before.size(); ++i) {
      search.texts[i] = before[search.beams.parents()[i]];
      search.texts[i].append({search.beams.branch(i), 0, 1});
    }
  }

  void write(const Search& search, std::uint32_t beam, Time now, Request& out) {
    out = search.asked;
    out.id = taken_++;
    out.family = search.asked.id;
    out.arrival = now;
    out.content = search.texts[beam];
    out.prompt = out.content.tokens();
    out.output = Tokens(1);
    // Its KV is never computed: the next request does, as part of its prompt.
    out.content.append({sibling_content(out.family, 0), 0, 1});
  }

  std::unique_ptr<WorkloadSource> below_;
  Decoding decoding_;
  std::uint64_t seed_;
  std::uint64_t taken_ = 0;
  std::unordered_map<std::uint64_t, Search> searches_;  // by request below; never iterated
  // (search, beam) whose next token is due, by (time, order of becoming known).
  std::map<std::pair<Time, std::uint64_t>, std::pair<std::uint64_t, std::uint32_t>> due_;
  std::uint64_t made_due_ = 0;
};

const Registered<WorkloadLayer, BeamClient> kBeamClient{
    "beam-client", "Beam search by a client: one token of every beam at a time (vLLM V1)."};

}  // namespace
}  // namespace kvsim
