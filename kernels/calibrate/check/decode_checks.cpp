#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

// The result is rounded to its element (2^-9 or 2^-12 at most), and so is every probability.
constexpr double kBf16Tolerance = 4e-3, kFp16Tolerance = 1e-3;

double tolerance_of(KvElement element) {
  return element == KvElement::kFp16 ? kFp16Tolerance : kBf16Tolerance;
}

const char* word_of(KvElement element) {
  switch (element) {
    case KvElement::kBf16:
      return "bf16 ";
    case KvElement::kFp16:
      return "fp16 ";
    case KvElement::kE4m3:
      return "fp8 ";
    case KvElement::kInt8:
      return "int8 ";
    default:
      return "int4 ";
  }
}

std::string name_of(const DecodeWorldSetup& s) {
  return text(word_of(s.kernel.element), s.kernel.head_dim, " group ", s.kernel.group,
              s.kernel.paged ? text(" page ", s.page) : " contiguous",
              s.window > 0 ? text(" window ", s.window, '+', s.sinks) : "",
              s.query_size > 1 ? " huge scores" : "");
}

/// Nothing, one token, both sides of a page's end; then what is cut into pieces.
std::vector<std::int32_t> lengths_for(CheckSize size, int page) {
  std::vector<std::int32_t> lengths{0, 1, page - 1, page, page + 1};
  lengths.push_back(size == CheckSize::kFull ? 5000 : 200);
  return lengths;
}

Check against_double(const DecodeWorldSetup& setup, int multiprocessors) {
  return {"decode", name_of(setup), tolerance_of(setup.kernel.element), [=] {
            const DecodeWorld world(setup);
            return relative_error(world.numbers(world.run(multiprocessors)), world.reference(),
                                  world.head_dim());
          }};
}

/// Pages in random order, in sequence, contiguous KV, and once more: the same bits.
Check bits_agree(DecodeWorldSetup setup, int multiprocessors) {
  return {"decode", text(name_of(setup), ", same bits wherever it lies"), 0, [=]() mutable {
            const auto shuffled = DecodeWorld(setup).run(multiprocessors);
            const auto again = DecodeWorld(setup).run(multiprocessors);
            setup.shuffled = false;
            const auto in_sequence = DecodeWorld(setup).run(multiprocessors);
            setup.kernel.paged = false;
            const auto contiguous = DecodeWorld(setup).run(multiprocessors);
            return shuffled == again && shuffled == in_sequence && shuffled == contiguous ? 0.0
                                                                                          : 1.0;
          }};
}

}  // namespace

std::vector<Check> decode_checks(CheckSize size, int multiprocessors, std::uint64_t seed) {
  std::vector<Check> checks;
  const auto add = [&](DecodeWorldSetup setup) {
    setup.seed = ++seed;
    if (setup.lengths.empty()) setup.lengths = lengths_for(size, setup.page);
    checks.push_back(against_double(setup, multiprocessors));
  };
  for (const KvElement element : {KvElement::kBf16, KvElement::kFp16})
    for (const int dim : {64, 128, 256})
      for (const int group : {1, 4, 16}) {
        if (size == CheckSize::kSmall && (dim == 256 || group == 16)) continue;
        add({.kernel = {element, dim, group, true}});
        add({.kernel = {element, dim, group, false}});
      }
  for (const int page : {8, 32, 64, 128, 256}) {
    if (size == CheckSize::kSmall && page > 32) continue;
    add({.kernel = {KvElement::kBf16, 128, 8, true}, .page = page});
  }
  // Against the reference on what the cache holds: quantisation itself is no error of the kernel.
  for (const KvElement element : {KvElement::kE4m3, KvElement::kInt8, KvElement::kInt4})
    for (const int dim : {64, 128, 256})
      if (size == CheckSize::kFull || dim == 128) add({.kernel = {element, dim, 4, true}});
  for (const int sinks : {0, 4, 128})
    add({.kernel = {KvElement::kBf16, 128, 4, true}, .window = 100, .sinks = sinks});
  add({.kernel = {KvElement::kBf16, 128, 4, true}, .query_size = 50});
  for (const KvElement element : {KvElement::kBf16, KvElement::kFp16})
    checks.push_back(bits_agree(
        {.kernel = {element, 128, 4, true}, .lengths = lengths_for(size, 16), .seed = ++seed},
        multiprocessors));
  return checks;
}

}  // namespace kvsim::calibrate
