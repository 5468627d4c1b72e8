#include "reports/scene_text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "reports/text.h"

namespace kvsim {
namespace {

constexpr std::size_t kRows = 16;    // of any list
constexpr std::size_t kBlocks = 14;  // of a table or the queue, on one line

double seconds(Time t) { return std::chrono::duration<double>(t.time_since_epoch()).count(); }

std::string more(std::size_t shown, std::size_t all) {
  return shown < all
             ? fmt::format("  ... {} more\n", grouped(static_cast<std::int64_t>(all - shown)))
             : "";
}

// Used #, reserved r, waste w, cached c, free .
std::string bar(const MemoryUse& use) {
  constexpr std::int64_t kWidth = 64;
  std::string text;
  Tokens so_far;
  for (const auto& [part, letter] : {std::pair(use.used, '#'),
                                     {use.reserved, 'r'},
                                     {use.internal + use.external, 'w'},
                                     {use.cached, 'c'},
                                     {use.free, '.'}}) {
    so_far += part;
    const std::int64_t end =
        so_far.value() * kWidth / std::max<std::int64_t>(use.capacity.value(), 1);
    text.append(static_cast<std::size_t>(end) - text.size(), letter);
  }
  return fmt::format("[{}]  # used, r reserved, w waste, c cached, . free\n", text);
}

std::string batch(const StepScene& scene) {
  Cells rows{{"in the batch", "had", "computes", "has", "of prompt"}};
  for (std::size_t i = 0; i < std::min(kRows, scene.work.size()); ++i) {
    const StepScene::Work& work = scene.work[i];
    rows.push_back({fmt::format("request {}", work.request), grouped(work.context.value()),
                    grouped(work.compute.value()), grouped((work.context + work.compute).value()),
                    grouped(work.prompt.value())});
  }
  return fmt::format("\n{}{}", aligned(rows), more(kRows, scene.work.size()));
}

std::string decisions(const StepScene& scene) {
  std::string text;
  for (const StepScene::Admission& admission : scene.admitted)
    text += fmt::format("admitted   request {}: {} tokens from the cache\n", admission.request,
                        grouped(admission.hit.value()));
  for (const std::uint64_t request : scene.preempted)
    text += fmt::format("preempted  request {}: its memory was needed\n", request);
  for (std::size_t i = 0; i < std::min(kRows, scene.evicted.size()); ++i) {
    const Eviction& gone = scene.evicted[i];
    text +=
        fmt::format("evicted    tokens {}-{} of request {}{}{}\n", gone.entry.depth,
                    gone.entry.depth + gone.entry.tokens - 1, gone.entry.writer,
                    gone.needed_by == kNoRequest ? std::string()
                                                 : fmt::format(", for request {}", gone.needed_by),
                    gone.followed ? ", since what it hung from was" : "");
  }
  return text.empty() ? "" : fmt::format("\n{}{}", text, more(kRows, scene.evicted.size()));
}

std::string ids(const std::vector<BlockId>& blocks) {
  std::string text;
  for (std::size_t i = 0; i < std::min(kBlocks, blocks.size()); ++i)
    text += blocks[i].valid() ? fmt::format("[{}]", blocks[i].index) : std::string("[-]");
  if (blocks.size() > kBlocks) text += fmt::format(" ... {} more", blocks.size() - kBlocks);
  return text;
}

std::string tables(const StepScene& scene) {
  if (scene.map.tables.empty()) return "";
  const bool groups = std::any_of(scene.map.tables.begin(), scene.map.tables.end(),
                                  [](const MemoryMap::Table& t) { return t.group > 0; });
  std::string text =
      fmt::format("\nblock tables ({} a block)\n", counted(scene.block.value(), "token"));
  for (std::size_t i = 0; i < std::min(kRows, scene.map.tables.size()); ++i) {
    const MemoryMap::Table& table = scene.map.tables[i];
    text += fmt::format("  request {:<8}{} {}\n", table.request,
                        groups ? fmt::format(" group {}", table.group) : std::string(),
                        ids(table.blocks));
  }
  return text + more(kRows, scene.map.tables.size());
}

std::string queue(const StepScene& scene) {
  if (scene.map.free_queue.empty()) return "";
  return fmt::format("\nfree queue, next to be reused first ({} blocks)\n  {}\n",
                     grouped(std::ssize(scene.map.free_queue)), ids(scene.map.free_queue));
}

// A chain without branches or changes of users is one line. Children follow their parent.
class TreeText {
 public:
  explicit TreeText(const std::vector<MemoryMap::Prefix>& prefixes) : prefixes_(prefixes) {
    children_.resize(prefixes.size() + 1);
    for (std::uint32_t i = 0; i < prefixes.size(); ++i)
      if (prefixes[i].group == 0) children_[slot(prefixes[i].parent)].push_back(i);
  }
  std::string text() {
    for (const std::uint32_t child : children_[slot(MemoryMap::Prefix::kRoot)]) draw(child, 1);
    return text_ + (left_out_ > 0 ? fmt::format("  ... {} more\n", grouped(left_out_)) : "");
  }

 private:
  [[nodiscard]] std::size_t slot(std::uint32_t node) const {
    return node == MemoryMap::Prefix::kRoot ? prefixes_.size() : node;
  }
  void draw(std::uint32_t node, std::size_t indent) {
    const MemoryMap::Prefix& top = prefixes_[node];
    std::uint32_t end = node;
    while (children_[end].size() == 1 && prefixes_[children_[end][0]].users == top.users)
      end = children_[end][0];
    const MemoryMap::Prefix& last = prefixes_[end];
    if (lines_++ >= kRows) {
      ++left_out_;
    } else {
      text_ += fmt::format("{:{}}tokens {}-{}: {}, {}, by request {}\n", "", 2 * indent,
                           top.depth.value(), (last.depth + last.tokens).value() - 1,
                           top.users > 0 ? counted(top.users, "user") : std::string("cached"),
                           counted(last.hits, "hit"), last.writer);
    }
    for (const std::uint32_t child : children_[end]) draw(child, indent + 1);
  }

  const std::vector<MemoryMap::Prefix>& prefixes_;
  std::vector<std::vector<std::uint32_t>> children_;  // by prefix, the root last
  std::string text_;
  std::size_t lines_ = 0;
  std::int64_t left_out_ = 0;
};

std::string tree(const StepScene& scene) {
  if (scene.map.prefixes.empty()) return "";
  return fmt::format("\nprefix tree\n{}", TreeText(scene.map.prefixes).text());
}

std::string ranges(const StepScene& scene) {
  if (!scene.map.tables.empty() || !scene.map.prefixes.empty()) return "";
  static constexpr const char* kWords[] = {"free",     "used",     "cached",
                                           "reserved", "internal", "external"};
  Cells rows{{"range", "tokens", "", "of"}};
  for (std::size_t i = 0; i < std::min(kRows, scene.map.patches.size()); ++i) {
    const MemoryMap::Patch& patch = scene.map.patches[i];
    rows.push_back({fmt::format("from slot {}", grouped(patch.first_slot)),
                    grouped(patch.slots.value()), kWords[static_cast<std::size_t>(patch.spent)],
                    patch.owner == kNoRequest ? "-" : fmt::format("request {}", patch.owner)});
  }
  return fmt::format("\n{}{}", aligned(rows), more(kRows, scene.map.patches.size()));
}

std::string fate_text(const PromptFate& fate) {
  std::string text;
  if (fate.loaded > Tokens(0))
    text = fmt::format(", {} loaded from elsewhere", grouped(fate.loaded.value()));
  bool first = true;
  for (const auto& [tokens, what] : {std::pair(fate.first_seen, "never seen before"),
                                     {fate.capacity, "evicted, then wanted"},
                                     {fate.in_flight, "still being prefilled"},
                                     {fate.granularity, "past the last whole block"},
                                     {fate.last_token, "last block or token, computed anyway"}})
    if (tokens > Tokens(0))
      text += fmt::format("{}{} {}", std::exchange(first, false) ? "; missed: " : ", ",
                          grouped(tokens.value()), what);
  return text;
}

std::string until(const RequestLife::Moment& m) {
  return m.until > m.at ? fmt::format(", the last at {} s", grouped(seconds(m.until), 6)) : "";
}

std::string_view why_rejected(Rejection why) {
  switch (why) {
    case Rejection::kTooLong:
      return "longer than max_model_len";
    case Rejection::kTooLarge:
      return "larger than the memory";
    case Rejection::kQueueFull:
      return "every queue is full";
    case Rejection::kTokensFull:
      return "every replica has as many prompt tokens as it may";
    case Rejection::kOverItsRate:
      return "more of its priority came than may";
  }
  return "";
}

std::string sentence(const RequestLife& life, const RequestLife::Moment& m, bool first_admission) {
  using Event = RequestLife::Event;
  const std::string amount = grouped(m.amount);
  switch (m.event) {
    case Event::kArrived:
      return fmt::format("arrived: {} prompt tokens, {} to be answered", amount, grouped(m.more));
    case Event::kRejected:
      return fmt::format("rejected: {}", why_rejected(life.rejection));
    case Event::kAdmitted:
      return fmt::format("admitted: {} tokens found in the cache{}", amount,
                         first_admission ? fate_text(life.fate) : std::string());
    case Event::kForked:
      return fmt::format("forked: {} tokens shared with its sibling", amount);
    case Event::kMadeRoom:
      return fmt::format("{} cached tokens were evicted for it{}", amount, until(m));
    case Event::kLost:
      return fmt::format("{} tokens that it had computed were evicted{}", amount, until(m));
    case Event::kPrefilled:
      return fmt::format("prefilled up to token {}", amount);
    case Event::kFirstToken:
      return "first token";
    case Event::kPreempted:
      return fmt::format("preempted: the memory of {} computed tokens was needed", amount);
    case Event::kFinished:
      return fmt::format("finished: {} tokens answered", amount);
    case Event::kRetried:
      return fmt::format("its replica went down: {} tokens answered, to go on elsewhere", amount);
    case Event::kReplicaLost:
      return fmt::format("lost with its replica: {} tokens answered", amount);
    case Event::kRouted:
      return "sent to a replica";
  }
  return "";
}

}  // namespace

std::string scene_text(const StepScene& scene) {
  std::string text = fmt::format(
      "step {} of replica {}: begins at {} s, takes {} ms; {} running, {} waiting\n", scene.number,
      scene.replica.index, grouped(seconds(scene.start), 6), grouped(milliseconds(scene.took), 3),
      grouped(static_cast<std::int64_t>(scene.running)),
      grouped(static_cast<std::int64_t>(scene.waiting)));
  return text + bar(scene.memory) + decisions(scene) + batch(scene) + tables(scene) + queue(scene) +
         tree(scene) + ranges(scene);
}

std::string life_text(const RequestLife& life) {
  std::string text = fmt::format("request {}\n", life.request);
  bool first = true;
  for (const RequestLife::Moment& m : life.moments) {
    text += fmt::format("{:>14} s  {}\n", grouped(seconds(m.at), 6), sentence(life, m, first));
    if (m.event == RequestLife::Event::kAdmitted) first = false;
  }
  if (!life.finished) return text;
  return text +
         fmt::format("queue {} ms, TTFT {} ms, E2E {} ms; preempted {}, {} tokens recomputed\n",
                     grouped(milliseconds(life.admitted_at - life.arrival), 3),
                     grouped(milliseconds(life.first_token_at - life.arrival), 3),
                     grouped(milliseconds(life.finished_at - life.arrival), 3),
                     counted(life.preemptions, "time"), grouped(life.recomputed.value()));
}

}  // namespace kvsim
