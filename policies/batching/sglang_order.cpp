#include "policies/batching/sglang_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kvsim {
namespace {

// Above this many waiting, lpm costs more than it gains.
constexpr std::size_t kMostForPrefixes = 128;
// In-batch prefix caching: who finds at most kLittle cached, but shares at least kMuch with one
// ahead of it in the queue, had better wait until that one has cached it.
constexpr Tokens kLittle{32};
constexpr Tokens kMuch{32};

}  // namespace

const std::vector<std::string>& SglangOrder::words() {
  static const std::vector<std::string> all{"dfs-weight", "fcfs", "lof", "lpm"};
  return all;
}

SglangOrder::SglangOrder(std::string_view word, bool by_priority, const Sequences& sequences,
                         Allocator& memory)
    : rule_(word == "lof"          ? Rule::kLof
            : word == "lpm"        ? Rule::kLpm
            : word == "dfs-weight" ? Rule::kDfsWeight
                                   : Rule::kFcfs),
      by_priority_(by_priority),
      sequences_(sequences),
      memory_(memory) {
  const bool by_prefix = rule_ == Rule::kLpm || rule_ == Rule::kDfsWeight;
  if (by_prefix && !memory_.caches_prefixes()) rule_ = Rule::kFcfs;
}

bool SglangOrder::before(const Request& a, const Request& b) const {
  if (by_priority_ && a.priority != b.priority) return a.priority < b.priority;
  return rule_ == Rule::kLof && a.output > b.output;
}

// What is there already is in order: only those that joined move, behind their equals.
void SglangOrder::put_in_place(std::deque<SequenceId>& waiting, std::size_t fresh) const {
  for (auto next = waiting.end() - static_cast<std::ptrdiff_t>(fresh); next != waiting.end();
       ++next) {
    const auto place = std::upper_bound(
        waiting.begin(), next, *next,
        [this](SequenceId a, SequenceId b) { return before(request(a), request(b)); });
    std::rotate(place, next, next + 1);
  }
}

void SglangOrder::sort(std::deque<SequenceId>& waiting, std::size_t fresh) {
  if (rule_ == Rule::kDfsWeight) return sort_by_branch(waiting);
  if (rule_ != Rule::kLpm) return put_in_place(waiting, fresh);
  if (waiting.size() > kMostForPrefixes) return;
  look_up(waiting);
  defer_followers();
  std::stable_sort(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.later, a.later ? Tokens(0) : -a.hit) <
           std::pair(b.later, b.later ? Tokens(0) : -b.hit);
  });
  std::transform(candidates_.begin(), candidates_.end(), waiting.begin(),
                 [](const Candidate& c) { return c.id; });
}

void SglangOrder::look_up(const std::deque<SequenceId>& waiting) {
  candidates_.clear();
  for (const SequenceId id : waiting) candidates_.push_back({id, memory_.lookup(sequences_[id])});
}

void SglangOrder::defer_followers() {
  std::vector<SequenceId> leaders;
  for (Candidate& c : candidates_) {
    if (c.hit > kLittle) continue;
    c.later = std::any_of(leaders.begin(), leaders.end(),
                          [&](SequenceId leader) { return follows(c, leader); });
    if (!c.later) leaders.push_back(c.id);
  }
}

bool SglangOrder::follows(const Candidate& c, SequenceId leader) const {
  const Sequence& a = sequences_[c.id];
  const Sequence& b = sequences_[leader];
  if (a.request.cache_salt != b.request.cache_salt) return false;
  const Tokens same = common_prefix(a.request.content, Tokens(0), b.request.content, Tokens(0));
  return std::min({same, a.tokens(), b.tokens()}) >= kMuch;
}

// ---- dfs-weight ---------------------------------------------------------------------------------

// The cached prefixes of the waiting form a tree. Its branches are visited depth first, the one
// with most sequences in it first; those whose prefix ends at a fork come after its branches.
void SglangOrder::sort_by_branch(std::deque<SequenceId>& waiting) {
  look_up(waiting);
  struct Visit {
    std::vector<std::size_t> members;
    Tokens depth;       // they share this much, whole pages
    bool list = false;  // all end here: nothing to visit below
  };
  std::vector<std::size_t> everyone(candidates_.size());
  std::iota(everyone.begin(), everyone.end(), std::size_t{0});
  std::vector<Visit> stack;
  stack.push_back({std::move(everyone), Tokens(0)});
  waiting.clear();
  while (!stack.empty()) {
    const Visit visit = std::move(stack.back());
    stack.pop_back();
    if (visit.list) {
      for (const std::size_t i : visit.members) waiting.push_back(candidates_[i].id);
      continue;
    }
    std::vector<std::size_t> end_here;
    std::vector<std::size_t> go_on;
    for (const std::size_t i : visit.members)
      (candidates_[i].hit > visit.depth ? go_on : end_here).push_back(i);
    stack.push_back({std::move(end_here), visit.depth, true});
    auto below = branches(go_on, visit.depth);
    std::stable_sort(below.begin(), below.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    for (auto branch = below.rbegin(); branch != below.rend(); ++branch) {
      const Tokens depth = depth_of(*branch);
      stack.push_back({std::move(*branch), depth});
    }
  }
}

Tokens SglangOrder::shared(const Candidate& a, const Candidate& b) const {
  const Request& x = request(a.id);
  const Request& y = request(b.id);
  if (x.cache_salt != y.cache_salt) return Tokens(0);
  const Tokens same =
      std::min({common_prefix(x.content, Tokens(0), y.content, Tokens(0)), a.hit, b.hit});
  return same - same % memory_.block();
}

// Those that share more than the first `depth` tokens, together.
std::vector<std::vector<std::size_t>> SglangOrder::branches(const std::vector<std::size_t>& members,
                                                            Tokens depth) const {
  std::vector<std::vector<std::size_t>> found;
  for (const std::size_t i : members) {
    const auto mine = std::find_if(found.begin(), found.end(), [&](const auto& branch) {
      return shared(candidates_[branch.front()], candidates_[i]) > depth;
    });
    if (mine == found.end())
      found.push_back({i});
    else
      mine->push_back(i);
  }
  return found;
}

Tokens SglangOrder::depth_of(const std::vector<std::size_t>& members) const {
  Tokens depth = candidates_[members.front()].hit;
  for (const std::size_t i : members)
    depth = std::min(depth, shared(candidates_[members.front()], candidates_[i]));
  return depth;
}

}  // namespace kvsim
