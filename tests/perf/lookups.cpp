// Finding a cached prefix: prompts of 64 blocks that are all there, asked for in random order, so
// that neither the index nor the blocks are in the processor's caches.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "sim/core/check.h"
#include "sim/core/registry.h"
#include "sim/core/rng.h"
#include "sim/model/allocator.h"
#include "tests/perf/bench.h"

namespace kvsim::perf {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr std::int64_t kBlocks = 64;  // of a prompt
constexpr std::int64_t kLength = kBlocks * kBlock;

// Content in pieces of 512 tokens, as in Mooncake's traces; one token more, which has to run.
void ask(Sequence& s, std::uint64_t prompt) {
  constexpr std::int64_t kPiece = 512;
  s.request.content.clear();
  for (std::int64_t at = 0; at < kLength; at += kPiece)
    s.request.content.append({shared_content(prompt), at, kPiece});
  s.request.content.append({shared_content(prompt), kLength, 2});
  s.request.prompt = Tokens(kLength + 1);
  s.request.output = Tokens(1);
}

void fill(Allocator& memory, std::uint64_t prompts) {
  Sequence s;
  s.id = SequenceId{0};
  for (std::uint64_t i = 0; i < prompts; ++i) {
    ask(s, i);
    s.computed = Tokens(0);
    const Tokens hit = memory.lookup(s);
    KVSIM_CHECK(memory.admit(s, hit, s.request.prompt, {}), "the pool holds all of them");
    s.computed = s.request.prompt;
    memory.commit(s);
    memory.release(s, Release::kFinished);
  }
}

Figures find(const std::string& allocator, std::int64_t cached) {
  constexpr std::size_t kLookups = 20'000;
  const ConfigView config;
  const auto memory = Registry<Allocator>::make(
      allocator, {.capacity = Tokens((cached + cached / kBlocks + 2 * kBlocks) * kBlock * 11 / 10),
                  .block = Tokens(kBlock),
                  .max_model_len = Tokens(2 * kLength),
                  .config = config});
  const auto prompts = static_cast<std::uint64_t>(cached / kBlocks);
  fill(*memory, prompts);
  Rng rng(1, "lookups");
  std::vector<Sequence> asked(kLookups);
  for (Sequence& s : asked) {
    s.id = SequenceId{0};
    ask(s, rng.below(prompts));
  }
  Tokens found;
  const Stopwatch watch;
  for (const Sequence& s : asked) found += memory->lookup(s);
  const double took = watch.seconds();
  KVSIM_CHECK(found == Tokens(kLength) * kLookups, "everything is cached");
  return {{"", took / static_cast<double>(kLookups * kBlocks) * 1e9, "ns/block"}};
}

void lookups(Bench& bench) {
  for (const std::string allocator : {"paged", "radix"})
    for (const std::int64_t cached : {10'000, 100'000, 1'000'000})
      bench.measure(fmt::format("{}, {}k cached", allocator, cached / 1000),
                    [=] { return find(allocator, cached); });
}

const Subject kSubject{"lookups", lookups};

}  // namespace
}  // namespace kvsim::perf
