#pragma once
// A prefill problem small enough for the CPU machine: random queries, keys and values, laid out in
// pages between NaNs, and the answer in double from the definition of attention.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <type_traits>
#include <vector>

#include "kernels/gpu/gpu.h"
#include "kernels/prefill/prefill.h"
#include "sim/model/attention/prefill_plan.h"

namespace kvsim::prefill_test {

struct Problem {
  PrefillShape shape;
  std::vector<PrefillChunk> chunks;
  int rows = 64;
  int page_tokens = 16;
  int resident = 1;  ///< Few: no splits. Many: as many as the tiling allows.
  float query_factor = 1;
  bool warpgroups = false;
  std::uint32_t data_seed = 1;
  std::uint32_t page_seed = 1;  ///< Where the pages lie.
};

inline constexpr double kLog2E = 1.4426950408889634;

template <class Element>
std::vector<Element> gaussian(std::size_t count, std::mt19937& random, float factor = 1) {
  std::normal_distribution<float> normal;
  std::vector<Element> values(count);
  for (Element& value : values) value = gpu::from_float<Element>(normal(random) * factor);
  return values;
}

template <class Element>
Element not_a_number() {
  return gpu::from_float<Element>(std::numeric_limits<float>::quiet_NaN());
}

/// The tensors of a problem. K and V by token first: [sequence][kv_head][token][head_dim].
template <class Element>
struct Tensors {
  explicit Tensors(const Problem& problem) : p(problem) {
    std::mt19937 random(p.data_seed);
    first_token.push_back(0);
    for (const PrefillChunk& chunk : p.chunks) {
      first_token.push_back(first_token.back() + static_cast<std::int32_t>(chunk.query_tokens));
      context.push_back(static_cast<std::int32_t>(chunk.context_tokens));
    }
    const auto head_dim = static_cast<std::size_t>(p.shape.head_dim);
    const auto kv_heads = static_cast<std::size_t>(p.shape.kv_heads);
    q = gaussian<Element>(static_cast<std::size_t>(first_token.back()) *
                              static_cast<std::size_t>(p.shape.q_heads) * head_dim,
                          random, p.query_factor);
    for (const std::int32_t tokens : context) {
      const std::size_t count = kv_heads * static_cast<std::size_t>(tokens) * head_dim;
      k.push_back(gaussian<Element>(count, random));
      v.push_back(gaussian<Element>(count, random));
    }
  }

  [[nodiscard]] const Element* row(const std::vector<std::vector<Element>>& from, std::size_t s,
                                   int kv_head, int token) const {
    return from[s].data() +
           static_cast<std::ptrdiff_t>(kv_head * context[s] + token) * p.shape.head_dim;
  }

  Problem p;
  std::vector<std::int32_t> first_token;  // [sequences + 1]
  std::vector<std::int32_t> context;
  std::vector<Element> q;
  std::vector<std::vector<Element>> k;
  std::vector<std::vector<Element>> v;
};

/// Does query `token` of the chunk see `key`? The mask by its definition.
inline bool sees(const PrefillShape& shape, const PrefillChunk& chunk, std::int64_t token,
                 std::int64_t key) {
  const std::int64_t position = chunk.context_tokens - chunk.query_tokens + token;
  if (!shape.causal) return true;
  return key <= position && (shape.window == 0 || key > position - shape.window);
}

/// Attention in double, [tokens, q_heads, head_dim].
template <class Element>
std::vector<double> reference(const Tensors<Element>& t) {
  const PrefillShape& shape = t.p.shape;
  const int group = shape.q_heads / shape.kv_heads;
  std::vector<double> out(t.q.size(), 0);
  for (std::size_t s = 0; s < t.context.size(); ++s) {
    for (int token = 0; token < t.p.chunks[s].query_tokens; ++token) {
      for (int head = 0; head < shape.q_heads; ++head) {
        const auto at =
            static_cast<std::size_t>((t.first_token[s] + token) * shape.q_heads + head) *
            static_cast<std::size_t>(shape.head_dim);
        std::vector<double> scores(static_cast<std::size_t>(t.context[s]),
                                   -std::numeric_limits<double>::infinity());
        for (int key = 0; key < t.context[s]; ++key) {
          if (!sees(shape, t.p.chunks[s], token, key)) continue;
          const Element* k = t.row(t.k, s, head / group, key);
          double dot = 0;
          for (std::size_t d = 0; d < static_cast<std::size_t>(shape.head_dim); ++d)
            dot += static_cast<double>(gpu::to_float(t.q[at + d])) * gpu::to_float(k[d]);
          scores[static_cast<std::size_t>(key)] = dot / std::sqrt(shape.head_dim);
        }
        if (scores.empty()) continue;
        const double max = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (double& score : scores) sum += score = std::exp(score - max);
        for (int key = 0; key < t.context[s]; ++key) {
          const Element* v = t.row(t.v, s, head / group, key);
          const double weight = scores[static_cast<std::size_t>(key)] / sum;
          for (std::size_t d = 0; d < static_cast<std::size_t>(shape.head_dim); ++d)
            out[at + d] += weight * gpu::to_float(v[d]);
        }
      }
    }
  }
  return out;
}

/// Whether some query of sequence `s` sees `key`: else its page may have been given away.
template <class Element>
bool key_is_seen(const Tensors<Element>& t, std::size_t s, int key) {
  for (int token = 0; token < t.p.chunks[s].query_tokens; ++token)
    if (sees(t.p.shape, t.p.chunks[s], token, key)) return true;
  return false;
}

/// K and V as the kernel reads them: everything that holds no visible token is NaN.
template <class Element>
struct Pools {
  Pools(const Tensors<Element>& t, bool paged) : tensors(t) {
    page_tokens = paged ? t.p.page_tokens : *std::max_element(t.context.begin(), t.context.end());
    if (!paged) page_tokens = (page_tokens + 8) / 8 * 8;  // The capacity.
    lay_out_pages(paged);
    const auto head_dim = static_cast<std::size_t>(t.p.shape.head_dim);
    k.assign(page_count * static_cast<std::size_t>(page_tokens) *
                 static_cast<std::size_t>(t.p.shape.kv_heads) * head_dim,
             not_a_number<Element>());
    v = k;
    for (std::size_t s = 0; s < t.context.size(); ++s)
      for (int key = 0; key < t.context[s]; ++key)
        if (key_is_seen(t, s, key)) fill(s, key);
  }

  const Tensors<Element>& tensors;
  int page_tokens = 0;
  int width = 0;
  std::size_t page_count = 0;
  std::vector<std::int32_t> table;  // -1 where no token is seen: reading that entry would show.
  std::vector<Element> k;
  std::vector<Element> v;

 private:
  void lay_out_pages(bool paged) {
    const std::int32_t longest = *std::max_element(tensors.context.begin(), tensors.context.end());
    width = (longest + page_tokens - 1) / page_tokens;
    page_count = static_cast<std::size_t>(width) * tensors.context.size();
    if (paged) page_count += 3;  // That nobody owns.
    places_.resize(page_count);
    std::iota(places_.begin(), places_.end(), 0);
    std::mt19937 random(tensors.p.page_seed);
    if (paged && tensors.p.page_seed != 0) std::shuffle(places_.begin(), places_.end(), random);
    table.assign(page_count, -1);
  }

  void fill(std::size_t s, int key) {
    const auto head_dim = static_cast<std::size_t>(tensors.p.shape.head_dim);
    const std::size_t entry =
        s * static_cast<std::size_t>(width) + static_cast<std::size_t>(key / page_tokens);
    table[entry] = places_[entry];
    for (int head = 0; head < tensors.p.shape.kv_heads; ++head) {
      const std::int64_t row =
          (static_cast<std::int64_t>(table[entry]) * tensors.p.shape.kv_heads + head) *
              page_tokens +
          key % page_tokens;
      const auto to = static_cast<std::ptrdiff_t>(head_dim) * row;
      std::copy_n(tensors.row(tensors.k, s, head, key), head_dim, k.begin() + to);
      std::copy_n(tensors.row(tensors.v, s, head, key), head_dim, v.begin() + to);
    }
  }

  std::vector<std::int32_t> places_;
};

inline PrefillTiling tiling_of(const Problem& p) {
  PrefillTiling tiling;
  tiling.rows = p.rows;
  tiling.resident = p.resident;
  tiling.least_split_tiles = 1;
  return tiling;
}

/// Partial results, NaN before they are written.
struct Partials {
  explicit Partials(const PrefillWorkspace& size)
      : output(size.output, std::nanf("")), stats(size.stats, std::nanf("")) {}
  [[nodiscard]] PartialRows rows() { return {output.data(), stats.data()}; }
  std::vector<float> output;
  std::vector<float> stats;
};

/// Runs the kernel. Its result goes to `out`, or, if `state` is given, there.
template <class Element>
void run(const Tensors<Element>& t, bool paged, gpu::Machine& machine, std::vector<Element>* out,
         Partials* state = nullptr) {
  const Pools<Element> pools(t, paged);
  const PrefillPlan plan = plan_prefill(t.p.shape, tiling_of(t.p), t.p.chunks);
  const PrefillKernel kernel{
      std::is_same_v<Element, gpu::Bf16> ? KvElement::kBf16 : KvElement::kFp16, t.p.shape.head_dim,
      t.p.rows, paged, t.p.warpgroups};
  const PrefillWorkspace size = prefill_workspace(kernel, plan);
  Partials parts(size);
  std::vector<std::uint32_t> arrivals(size.arrivals, 0);

  PrefillArgs args;
  args.q = t.q.data();
  args.k = pools.k.data();
  args.v = pools.v.data();
  args.table = pools.table.data();
  args.table_stride = pools.width;
  while ((1 << args.page_shift) < pools.page_tokens) ++args.page_shift;
  args.capacity = pools.page_tokens;
  args.items = plan.items.data();
  args.item_count = static_cast<std::int32_t>(plan.items.size());
  args.first_token = t.first_token.data();
  args.context = t.context.data();
  args.out = out == nullptr ? nullptr : out->data();
  if (state != nullptr) args.state = state->rows();
  args.parts = parts.rows();
  args.arrivals = arrivals.data();
  args.q_heads = t.p.shape.q_heads;
  args.kv_heads = t.p.shape.kv_heads;
  args.causal = t.p.shape.causal ? 1 : 0;
  args.window = static_cast<int>(t.p.shape.window);
  args.scale_log2 = static_cast<float>(kLog2E / std::sqrt(t.p.shape.head_dim));
  launch_prefill(kernel, args, machine.stream());
  if (std::any_of(arrivals.begin(), arrivals.end(), [](auto count) { return count != 0; }))
    throw gpu::MachineError("arrivals are not zero again");
}

/// What the kernel answers, bit by bit; NaN where it wrote nothing.
template <class Element>
std::vector<Element> answer(const Tensors<Element>& t, gpu::Machine& machine, bool paged = true) {
  std::vector<Element> out(t.q.size(), not_a_number<Element>());
  run(t, paged, machine, &out);
  return out;
}

/// ||a - b|| / ||b|| over [begin, end); NaN if any of a is.
template <class Element>
double relative_error(const std::vector<Element>& a, const std::vector<double>& b,
                      std::size_t begin, std::size_t end) {
  double difference = 0;
  double norm = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const double delta = static_cast<double>(gpu::to_float(a[i])) - b[i];
    difference += delta * delta;
    norm += b[i] * b[i];
  }
  return norm == 0 && difference == 0 ? 0 : std::sqrt(difference / norm);
}

template <class Element>
double relative_error(const std::vector<Element>& a, const std::vector<double>& b) {
  return relative_error(a, b, 0, b.size());
}

/// The worst of the rows of `width` elements; NaN if any of a is.
template <class Element>
double worst_row_error(const std::vector<Element>& a, const std::vector<double>& b,
                       std::size_t width) {
  double worst = 0;
  for (std::size_t i = 0; i < b.size(); i += width) {
    const double error = relative_error(a, b, i, i + width);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

template <class Element>
bool bit_equal(const std::vector<Element>& a, const std::vector<Element>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](Element x, Element y) { return x.bits == y.bits; });
}

}  // namespace kvsim::prefill_test
