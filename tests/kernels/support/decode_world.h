#pragma once
// A decode step's tensors in ordinary memory, made to catch mistakes: everything that no kernel may
// read is not a number, pages lie in random order, and outputs are poisoned before every run.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/decode/decode.h"
#include "kernels/formats/reference.h"
#include "kernels/gpu/cpu/machine.h"
#include "kernels/gpu/number.h"
#include "sim/model/attention/visible_tiles.h"

namespace kvsim {

struct DecodeSetup {
  DecodeKernel kernel{KvElement::kBf16, 128, 4, true};
  std::int32_t kv_heads = 2;
  std::vector<std::int32_t> lengths;
  std::int32_t page_tokens = 16;
  std::int32_t window = 0;
  std::int32_t sinks = 0;
  std::int32_t multiprocessors = 4;  ///< What is planned for: more of them, more splits.
  std::int32_t shared_tokens = 0;    ///< All sequences begin with these; whole pages.
  float query_size = 1;
  std::uint32_t seed = 1;       ///< Of the values.
  std::uint32_t page_seed = 1;  ///< Of the pages' order; 0: in sequence.
};

/// K or V: what was put in, what it reads back as, and the pool's memory. Rows that nobody put in
/// are NaNs: as elements, or by their scale.
template <class Element>
class DecodePool {
 public:
  DecodePool() = default;
  DecodePool(KvElement element, std::size_t rows, std::size_t dim)
      : element_(element),
        dim_(dim),
        exact_(rows * dim, std::nanf("")),
        stored_(exact_),
        memory_(rows * row_bytes(), 0xff),
        scales_(is_quantised(element) ? rows : 0, gpu::Fp16{0xffff}) {}

  void set(std::size_t row, const std::vector<float>& values) {
    std::copy(values.begin(), values.end(), &exact_[row * dim_]);
    if (is_quantised(element_)) {
      const QuantisedRow quantised = quantise(element_, values);
      std::copy(quantised.codes.begin(), quantised.codes.end(), &memory_[row * row_bytes()]);
      scales_[row] = quantised.scale;
      const std::vector<float> back = dequantise(element_, quantised);
      std::copy(back.begin(), back.end(), &stored_[row * dim_]);
      return;
    }
    for (std::size_t d = 0; d < dim_; ++d) {
      const auto element = gpu::from_float<Element>(values[d]);
      std::memcpy(&memory_[row * row_bytes() + d * sizeof element], &element, sizeof element);
      stored_[row * dim_ + d] = gpu::to_float(element);
    }
  }

  [[nodiscard]] double exact(std::size_t row, std::size_t d) const {
    return exact_[row * dim_ + d];
  }
  [[nodiscard]] double stored(std::size_t row, std::size_t d) const {
    return stored_[row * dim_ + d];
  }
  [[nodiscard]] const std::vector<std::uint8_t>& memory() const { return memory_; }
  [[nodiscard]] std::vector<gpu::Fp16>& scales() { return scales_; }

 private:
  [[nodiscard]] std::size_t row_bytes() const {
    return dim_ * static_cast<std::size_t>(bits_of(element_)) / 8;
  }

  KvElement element_ = KvElement::kBf16;
  std::size_t dim_ = 0;
  std::vector<float> exact_;
  std::vector<float> stored_;
  std::vector<std::uint8_t> memory_;
  std::vector<gpu::Fp16> scales_;
};

/// Element is the query's, and the cache's if that has 16 bits.
template <class Element>
class DecodeWorld {
 public:
  explicit DecodeWorld(DecodeSetup setup) : setup_(std::move(setup)) {
    std::mt19937 random(setup_.seed);
    std::normal_distribution<float> normal;
    q_.resize(sequences() * q_heads() * dim());
    for (Element& x : q_) x = gpu::from_float<Element>(normal(random) * setup_.query_size);
    lay_out_pages();
    k_ = {setup_.kernel.element, rows_, dim()};
    v_ = k_;
    std::vector<float> values(dim());
    each_visible([&](std::size_t s, std::size_t head, std::int32_t token) {
      for (DecodePool<Element>* pool : {&k_, &v_}) {
        std::generate(values.begin(), values.end(), [&] { return normal(random); });
        pool->set(row(s, head, token), values);
      }
    });
  }

  [[nodiscard]] DecodePlan plan() const {
    return plan_decode(shape(), decode_device(setup_.kernel, setup_.multiprocessors),
                       setup_.lengths);
  }

  /// The kernel's output as bits, [sequences, q_heads, head_dim].
  [[nodiscard]] std::vector<std::uint16_t> run(gpu::Machine& machine) {
    return run(plan(), machine, [&](const DecodeArgs& args, gpu::Stream stream) {
      launch_decode(setup_.kernel, args, stream);
    });
  }
  [[nodiscard]] std::vector<std::uint16_t> run(std::uint64_t seed = 1) {
    gpu::Machine machine({seed, {}});
    return run(machine);
  }
  template <class Launch>
  [[nodiscard]] std::vector<std::uint16_t> run(const DecodePlan& plan, gpu::Machine& machine,
                                               Launch launch) {
    const DecodeWorkspace sizes = decode_workspace(setup_.kernel, plan, shape());
    std::vector<float> partial_out(sizes.partial_out, std::nanf(""));
    std::vector<float> partial_stats(sizes.partial_stats, std::nanf(""));
    std::vector<std::uint32_t> arrivals(sizes.arrivals, 0);
    std::vector<Element> out(q_.size(), kPoison);
    DecodeArgs args;
    args.q = q_.data();
    args.out = out.data();
    args.k = k_.memory().data();
    args.v = v_.memory().data();
    args.k_scales = k_.scales().data();
    args.v_scales = v_.scales().data();
    args.table = setup_.kernel.paged ? table_.data() : nullptr;
    args.table_stride = static_cast<std::int32_t>(max_pages_);
    args.page_shift = std::countr_zero(static_cast<std::uint32_t>(setup_.page_tokens));
    args.capacity = static_cast<std::int32_t>(max_pages_) * setup_.page_tokens;
    args.items = plan.items.data();
    args.item_count = static_cast<std::int32_t>(plan.items.size());
    args.partial_out = partial_out.data();
    args.partial_stats = partial_stats.data();
    args.arrivals = arrivals.data();
    args.q_heads = static_cast<std::int32_t>(q_heads());
    args.kv_heads = setup_.kv_heads;
    args.head_groups = head_groups(args.q_heads, args.kv_heads);
    args.window = setup_.window;
    args.sinks = setup_.sinks;
    args.scale_log2 = static_cast<float>(scale() / std::log(2.0));
    launch(args, machine.stream());
    arrivals_zero_ = std::all_of(arrivals.begin(), arrivals.end(), [](auto n) { return n == 0; });
    std::vector<std::uint16_t> bits(out.size());
    std::transform(out.begin(), out.end(), bits.begin(), [](Element x) { return x.bits; });
    return bits;
  }

  /// What an element of a pool counts as.
  using Read = double (DecodePool<Element>::*)(std::size_t row, std::size_t d) const;

  /// Softmax attention by its definition, in double, over what the cache's elements stand for.
  [[nodiscard]] std::vector<double> reference() const {
    return reference(&DecodePool<Element>::stored);
  }
  /// The same over what was put into the cache, before any rounding.
  [[nodiscard]] std::vector<double> exact_reference() const {
    return reference(&DecodePool<Element>::exact);
  }

  /// Softmax weights of one query head, [length], zero where it does not see.
  [[nodiscard]] std::vector<double> weights(std::size_t s, std::size_t h,
                                            Read read = &DecodePool<Element>::stored) const {
    const std::int32_t length = setup_.lengths[s];
    const std::size_t head = h / group();
    std::vector<double> weight(static_cast<std::size_t>(length), 0.0);
    double largest = -1e300;
    const auto each = [&](auto visit) {
      for (std::int32_t t = 0; t < length; ++t)
        if (is_visible(t, length, setup_.window, setup_.sinks))
          visit(t, weight[static_cast<std::size_t>(t)]);
    };
    each([&](std::int32_t t, double& w) {
      for (std::size_t d = 0; d < dim(); ++d)
        w += static_cast<double>(gpu::to_float(q_[(s * q_heads() + h) * dim() + d])) *
             (k_.*read)(row(s, head, t), d);
      w *= scale();
      largest = std::max(largest, w);
    });
    double sum = 0;
    each([&](std::int32_t, double& w) { sum += w = std::exp(w - largest); });
    each([&](std::int32_t, double& w) { w /= sum; });
    return weight;
  }

  /// V of every visible token: value(sequence, token, dim).
  template <class Value>
  void set_values(Value value) {
    std::vector<float> values(dim());
    each_visible([&](std::size_t s, std::size_t head, std::int32_t t) {
      for (std::size_t d = 0; d < dim(); ++d) values[d] = value(s, t, d);
      v_.set(row(s, head, t), values);
    });
  }
  /// Where a token's row lies in the pools.
  [[nodiscard]] std::size_t row(std::size_t s, std::size_t head, std::int32_t token) const {
    const auto heads = static_cast<std::size_t>(setup_.kv_heads);
    const auto page_tokens = static_cast<std::size_t>(setup_.page_tokens);
    const auto t = static_cast<std::size_t>(token);
    if (!setup_.kernel.paged) return (s * heads + head) * max_pages_ * page_tokens + t;
    const auto page = static_cast<std::size_t>(table_[s * max_pages_ + t / page_tokens]);
    return (page * heads + head) * page_tokens + t % page_tokens;
  }

  [[nodiscard]] DecodePool<Element>& keys() { return k_; }
  [[nodiscard]] DecodePool<Element>& values() { return v_; }

  [[nodiscard]] DecodeShape shape() const {
    return {static_cast<std::int32_t>(q_heads()),
            setup_.kv_heads,
            setup_.kernel.head_dim,
            setup_.kernel.head_dim * bits_of(setup_.kernel.element) / 4 +
                (is_quantised(setup_.kernel.element) ? 4 : 0),
            setup_.kernel.paged ? setup_.page_tokens : 0,
            setup_.window,
            setup_.sinks};
  }
  [[nodiscard]] std::size_t sequences() const { return setup_.lengths.size(); }
  [[nodiscard]] std::size_t dim() const { return static_cast<std::size_t>(setup_.kernel.head_dim); }
  [[nodiscard]] std::size_t group() const { return static_cast<std::size_t>(setup_.kernel.group); }
  [[nodiscard]] std::size_t q_heads() const {
    return static_cast<std::size_t>(setup_.kv_heads) * group();
  }
  /// The last run left the counters as it found them.
  [[nodiscard]] bool arrivals_zero() const { return arrivals_zero_; }

 private:
  static constexpr Element kPoison{0xffff};

  [[nodiscard]] double scale() const { return 1 / std::sqrt(static_cast<double>(dim())); }

  template <class Visit>
  void each_visible(Visit visit) const {
    for (std::size_t s = 0; s < sequences(); ++s)
      for (std::size_t head = 0; head < static_cast<std::size_t>(setup_.kv_heads); ++head)
        for (std::int32_t t = 0; t < setup_.lengths[s]; ++t)
          if (is_visible(t, setup_.lengths[s], setup_.window, setup_.sinks)) visit(s, head, t);
  }

  /// Every page once, two more that belong to nobody; a page that nothing is visible in has none.
  void lay_out_pages() {
    const auto longest = std::max_element(setup_.lengths.begin(), setup_.lengths.end());
    max_pages_ =
        setup_.lengths.empty()
            ? 0
            : static_cast<std::size_t>((*longest + setup_.page_tokens) / setup_.page_tokens);
    const std::size_t pages = sequences() * max_pages_ + (setup_.kernel.paged ? 2 : 0);
    std::vector<std::int32_t> order(pages);
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 random(setup_.page_seed);
    if (setup_.page_seed != 0) std::shuffle(order.begin(), order.end(), random);
    table_.assign(sequences() * max_pages_, -1);
    each_visible([&](std::size_t s, std::size_t, std::int32_t t) {
      const std::size_t entry = s * max_pages_ + static_cast<std::size_t>(t / setup_.page_tokens);
      table_[entry] = order[t < setup_.shared_tokens ? entry % max_pages_ : entry];
    });
    rows_ = pages * static_cast<std::size_t>(setup_.kv_heads * setup_.page_tokens);
  }

  [[nodiscard]] std::vector<double> reference(Read read) const {
    std::vector<double> out(q_.size(), 0.0);
    for (std::size_t s = 0; s < sequences(); ++s)
      for (std::size_t h = 0; h < q_heads(); ++h)
        reference_row(s, h, read, &out[(s * q_heads() + h) * dim()]);
    return out;
  }

  void reference_row(std::size_t s, std::size_t h, Read read, double* out) const {
    const std::vector<double> weight = weights(s, h, read);
    for (std::size_t t = 0; t < weight.size(); ++t) {
      if (weight[t] == 0) continue;
      for (std::size_t d = 0; d < dim(); ++d)
        out[d] += weight[t] * (v_.*read)(row(s, h / group(), static_cast<std::int32_t>(t)), d);
    }
  }

  DecodeSetup setup_;
  std::size_t max_pages_ = 0;
  std::size_t rows_ = 0;
  std::vector<std::int32_t> table_;
  std::vector<Element> q_;
  DecodePool<Element> k_;
  DecodePool<Element> v_;
  bool arrivals_zero_ = false;
};

/// |actual - expected| / |expected|, over everything and in the worst row; not a number counts as
/// infinitely far.
struct RelativeError {
  double overall = 0;
  double worst_row = 0;
};

template <class Element>
RelativeError relative_error(const std::vector<std::uint16_t>& actual,
                             const std::vector<double>& expected, std::size_t row_size) {
  RelativeError error;
  double all_error = 0;
  double all_norm = 0;
  for (std::size_t first = 0; first < expected.size(); first += row_size) {
    double row_error = 0;
    double row_norm = 0;
    for (std::size_t i = first; i < first + row_size; ++i) {
      const double value = gpu::to_float(Element{actual[i]});
      row_error += std::isfinite(value) ? (value - expected[i]) * (value - expected[i]) : HUGE_VAL;
      row_norm += expected[i] * expected[i];
    }
    all_error += row_error;
    all_norm += row_norm;
    const double relative = row_norm > 0 ? row_error / row_norm : row_error;
    error.worst_row = std::max(error.worst_row, std::sqrt(relative));
  }
  error.overall = std::sqrt(all_norm > 0 ? all_error / all_norm : all_error);
  return error;
}

}  // namespace kvsim
