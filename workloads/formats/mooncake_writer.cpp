#include "workloads/formats/mooncake_writer.h"

#include <unordered_map>

#include <fmt/ranges.h>

#include "workloads/block_ids.h"
#include "workloads/timestamp.h"

namespace kvsim {
namespace {

using std::chrono::milliseconds;

class MooncakeWriter final : public TraceWriter {
 public:
  MooncakeWriter(const WriteOptions& options, bool sessions)
      : ids_(options.block_tokens), keep_hashes_(options.keep_hashes), sessions_(sessions) {}

  std::string line(const Request& r, std::optional<Duration> delay) override {
    bool tell_session = sessions_ && r.session != Request::kNoSession;
    if (tell_session && repeats_context(r)) return added_turn(r, delay);
    // A turn that rewrites its conversation stands alone: as a session's row it would be added.
    if (tell_session) tell_session = context_of_.emplace(r.session, r.content).second;
    name_blocks(r.content, r.prompt);
    const bool shares = !is_own(r) || (r.session != Request::kNoSession && !tell_session);
    return row(r, time_key(r), r.prompt, shares, tell_session);
  }

 private:
  // AIPerf turns can only add to what was said before.
  [[nodiscard]] bool repeats_context(const Request& r) const {
    const auto found = context_of_.find(r.session);
    if (found == context_of_.end()) return false;
    const Tokens said = found->second.tokens();
    return r.prompt > said && common_prefix(found->second, Tokens(0), r.content, Tokens(0)) == said;
  }
  std::string added_turn(const Request& r, std::optional<Duration> delay) {
    Content& context = context_of_.find(r.session)->second;
    const Tokens said = context.tokens();
    Content added;
    added.append_slice(r.content, said, r.content.tokens() - said);
    context = r.content;
    const std::string when =
        delay ? fmt::format("\"delay\": {}", decimal_text(*delay, milliseconds(1))) : time_key(r);
    const bool hashes =
        keep_hashes_ && trace_hashes(added, r.prompt - said, ids_.block_tokens(), names_);
    return row(r, when, r.prompt - said, hashes, true);
  }
  static std::string time_key(const Request& r) {
    return fmt::format("\"timestamp\": {}",
                       decimal_text(r.arrival.time_since_epoch(), milliseconds(1)));
  }
  void name_blocks(const Content& content, Tokens prompt) {
    if (keep_hashes_ && trace_hashes(content, prompt, ids_.block_tokens(), names_)) return;
    ids_.of(content, prompt, names_);
  }
  static bool is_own(const Request& r) {
    const auto spans = r.content.spans();
    return spans.size() == 1 && is_private(spans[0].content);
  }
  [[nodiscard]] std::string row(const Request& r, const std::string& when, Tokens prompt,
                                bool hashes, bool tell_session) const {
    std::string text = fmt::format(R"({{{}, "input_length": {}, "output_length": {})", when,
                                   prompt.value(), r.output.value());
    if (hashes) text += fmt::format(", \"hash_ids\": [{}]", fmt::join(names_, ", "));
    if (tell_session) text += fmt::format(", \"session_id\": \"{}\"", r.session);
    if (sessions_ && r.priority != 0) text += fmt::format(", \"priority\": {}", r.priority);
    return text + "}\n";
  }

  BlockIds ids_;
  bool keep_hashes_;
  bool sessions_;
  std::vector<std::uint64_t> names_;                       // of the row being written
  std::unordered_map<std::uint64_t, Content> context_of_;  // by session; never iterated
};

}  // namespace

std::unique_ptr<TraceWriter> make_mooncake_writer(const WriteOptions& options, bool sessions) {
  return std::make_unique<MooncakeWriter>(options, sessions);
}

}  // namespace kvsim
