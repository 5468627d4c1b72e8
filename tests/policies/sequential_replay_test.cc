// Two ways to keep a prefix cache within its capacity, request by request on whole real traces:
// vLLM's free queue (one list; a finished request's blocks go to its tail, last block first) and a
// tree that gives up its least recently used leaf. They hit and evict the same blocks in the same
// order: freeing tails before heads *is* leaf-first LRU.
#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "policies/allocator/block_pool.h"
#include "sim/core/registry.h"
#include "tests/support/public_traces.h"
#include "tests/workloads/drain.h"

namespace kvsim {
namespace {

using Path = std::vector<ContentId>;  // a prompt's blocks, as the trace names them

struct Outcome {
  std::int64_t hits = 0;
  std::vector<ContentId> evicted;  // in order
};

std::vector<Path> prompts_of(const std::string& trace) {
  const ConfigView config;
  TraceSource source(TraceFile(TextInput(trace), config.text("/workload/format"), {}),
                     WorkloadSource::Setup{config, 1});
  std::vector<Path> prompts;
  for (const Request& r : drain(source)) {
    Path path;
    for (const Span& span : r.content.spans())
      if (!is_private(span.content)) path.push_back(span.content);
    prompts.push_back(std::move(path));
  }
  return prompts;
}

// The pool that simulations use, under `lru`.
Outcome replay_queue(const std::vector<Path>& prompts, std::int64_t capacity) {
  const ConfigView config;
  BlockPool pool(
      {capacity + 1, Tokens(512), true,
       Registry<EvictionPolicy>::make("lru", {static_cast<std::size_t>(capacity) + 1, config})});
  Outcome outcome;
  pool.on_evict([&](BlockId id) { outcome.evicted.push_back(pool.key(id).lo); });
  for (const Path& prompt : prompts) {
    std::vector<BlockId> table;
    for (const ContentId content : prompt) {
      const BlockId found = pool.find({content, content});
      if (!found.valid()) break;
      pool.touch(found, 0);
      table.push_back(found);
    }
    outcome.hits += std::ssize(table);
    while (table.size() < prompt.size() && pool.free() > 0) {
      const ContentId content = prompt[table.size()];
      const BlockId parent = table.empty() ? BlockId{} : table.back();
      table.push_back(pool.take());
      pool.cache(table.back(), {content, content}, {.parent = parent});
    }
    std::reverse(table.begin(), table.end());
    pool.release(table);
  }
  return outcome;
}

// A tree written out from its definition: the victim is the resident block without resident
// children, off the path of the request being served, whose last request is longest ago; of those
// of one request the deepest.
Outcome replay_tree(const std::vector<Path>& prompts, std::int64_t capacity) {
  struct Block {
    ContentId parent;
    std::int64_t last, depth, children;
  };
  std::map<ContentId, Block> resident;
  std::set<std::tuple<std::int64_t, std::int64_t, ContentId>> leaves;  // last, -depth, block
  const auto key = [&](ContentId c) {
    return std::tuple(resident.at(c).last, -resident.at(c).depth, c);
  };
  Outcome outcome;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto now = static_cast<std::int64_t>(i);
    const Path& prompt = prompts[i];
    std::size_t known = 0;
    while (known < prompt.size() && resident.contains(prompt[known])) ++known;
    outcome.hits += static_cast<std::int64_t>(known);
    for (std::size_t j = 0; j < known; ++j) {
      leaves.erase(key(prompt[j]));
      resident.at(prompt[j]).last = now;
    }
    std::size_t j = known;
    for (; j < prompt.size(); ++j) {
      if (std::ssize(resident) == capacity) {
        // This request's own blocks carry the newest stamp: if the oldest leaf does, none is left.
        if (leaves.empty()) break;
        const ContentId victim = std::get<2>(*leaves.begin());
        leaves.erase(leaves.begin());
        outcome.evicted.push_back(victim);
        const ContentId parent = resident.at(victim).parent;
        resident.erase(victim);
        const auto up = resident.find(parent);
        if (up != resident.end() && --up->second.children == 0 && up->second.last != now)
          leaves.insert(key(parent));
      }
      resident[prompt[j]] = {j == 0 ? 0 : prompt[j - 1], now, static_cast<std::int64_t>(j), 0};
      if (j > 0) ++resident.at(prompt[j - 1]).children;
    }
    // The path may be given up from the next request on.
    for (std::size_t k = 0; k < j; ++k)
      if (resident.at(prompt[k]).children == 0) leaves.insert(key(prompt[k]));
  }
  return outcome;
}

void expect_the_same(const std::string& name, std::int64_t capacity, double rate) {
  const std::string trace = public_trace(name);
  KVSIM_SKIP_WITHOUT(trace);
  const std::vector<Path> prompts = prompts_of(trace);
  std::int64_t references = 0;
  for (const Path& prompt : prompts) references += std::ssize(prompt);
  const Outcome queue = replay_queue(prompts, capacity);
  const Outcome tree = replay_tree(prompts, capacity);
  EXPECT_EQ(queue.hits, tree.hits);
  EXPECT_EQ(queue.evicted.size(), tree.evicted.size());
  EXPECT_TRUE(queue.evicted == tree.evicted) << "the same blocks in the same order";
  const double measured = static_cast<double>(queue.hits) / static_cast<double>(references);
  if (rate > 0) {
    EXPECT_NEAR(measured, rate, 5e-5);
  }
}

// Hit rates as published with the traces (block size 512; infinite memory, and 10,000 blocks).
TEST(SequentialReplay, QueueAndTreeAgreeOnMooncakeConversation) {
  expect_the_same("mooncake_conversation.jsonl.gz", 300'000, 105'710.0 / 288'500);
  expect_the_same("mooncake_conversation.jsonl.gz", 10'000, 0.2116);
  for (const std::int64_t capacity : {300, 1000, 50'000})
    expect_the_same("mooncake_conversation.jsonl.gz", capacity, -1);
}

TEST(SequentialReplay, QueueAndTreeAgreeOnMooncakeSynthetic) {
  expect_the_same("mooncake_synthetic.jsonl.gz", 300'000, 77'953.0 / 121'877);
  for (const std::int64_t capacity : {300, 1000, 10'000, 50'000})
    expect_the_same("mooncake_synthetic.jsonl.gz", capacity, -1);
}

}  // namespace
}  // namespace kvsim
