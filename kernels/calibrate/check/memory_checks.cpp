#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <span>

#include "kernels/append/append.h"
#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/copy/block_copy.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/formats/reference.h"
#include "kernels/gpu/number.h"

namespace kvsim::calibrate {
namespace {

constexpr double kBf16Tolerance = 4e-3;

/// Slots of a pool in random order.
std::vector<std::int32_t> shuffled_slots(int count, std::uint64_t seed) {
  std::vector<std::int32_t> slots(static_cast<std::size_t>(count));
  std::iota(slots.begin(), slots.end(), 0);
  std::mt19937_64 random(seed);
  std::shuffle(slots.begin(), slots.end(), random);
  return slots;
}

// ---- append: every byte of the pools, those that must not change included ----

double append_error(KvElement stored, int tokens, std::uint64_t seed) {
  constexpr int kHeads = 2, kDim = 64, kPageShift = 3;
  constexpr std::size_t kRow = kDim;
  const int room = tokens + 16 - tokens % 8;
  std::vector<std::int32_t> slots = shuffled_slots(room, seed);
  slots.resize(static_cast<std::size_t>(tokens));
  slots.back() = -1;  // padding: kept nowhere
  const std::size_t values = static_cast<std::size_t>(tokens) * kHeads * kRow;
  const auto keys = random_elements(KvElement::kBf16, values, 1, seed + 1);
  const auto row_bytes = kRow * static_cast<std::size_t>(bits_of(stored)) / 8;
  const std::size_t rows = static_cast<std::size_t>(room) * kHeads;
  const DeviceMemory k = filled(rows, row_bytes, kPoisonByte);
  const DeviceMemory v = filled(rows, row_bytes, kPoisonByte);
  const DeviceMemory k_scales = filled(rows, 2, kPoisonByte);
  const DeviceMemory v_scales = filled(rows, 2, kPoisonByte);
  const DeviceMemory key_memory = DeviceMemory::with(keys);
  const DeviceMemory slot_memory = DeviceMemory::with(slots);
  AppendArgs args;
  args.key = key_memory.data();
  args.value = key_memory.data();
  args.token_stride = kHeads * kDim;
  args.slots = slot_memory.as<std::int32_t>();
  args.k = k.data();
  args.v = v.data();
  args.k_scales = k_scales.data();
  args.v_scales = v_scales.data();
  args.kv_heads = kHeads;
  args.head_dim = kDim;
  args.page_shift = kPageShift;
  launch_append({KvElement::kBf16, stored}, args, tokens, {});
  wait_for_device();

  std::vector<std::uint8_t> expected(rows * row_bytes, kPoisonByte);
  std::vector<std::uint16_t> scales(rows, 0xffff);
  for (std::size_t i = 0; i < static_cast<std::size_t>(tokens) * kHeads; ++i) {
    const std::int32_t slot = slots[i / kHeads];
    if (slot < 0) continue;
    const std::size_t page = static_cast<std::size_t>(slot >> kPageShift);
    const std::size_t row = ((page * kHeads + i % kHeads) << kPageShift) +
                            static_cast<std::size_t>(slot & ((1 << kPageShift) - 1));
    auto* to = &expected[row * row_bytes];
    if (is_quantised(stored)) {
      std::vector<float> numbers(kRow);
      for (std::size_t d = 0; d < kRow; ++d)
        numbers[d] = gpu::to_float(gpu::Bf16{keys[i * kRow + d]});
      const QuantisedRow q = quantise(stored, std::span<const float>(numbers));
      std::copy(q.codes.begin(), q.codes.end(), to);
      scales[row] = q.scale.bits;
    } else {
      const auto* from = reinterpret_cast<const std::uint8_t*>(&keys[i * kRow]);
      std::copy(from, from + row_bytes, to);
    }
  }
  const bool same = k.read<std::uint8_t>(expected.size()) == expected &&
                    v.read<std::uint8_t>(expected.size()) == expected &&
                    k_scales.read<std::uint16_t>(rows) == scales &&
                    v_scales.read<std::uint16_t>(rows) == scales;
  return same ? 0 : 1;
}

// ---- copies ----

double copy_error(int pairs, std::int64_t block_bytes, std::uint64_t seed) {
  const std::vector<std::int32_t> blocks = shuffled_slots(2 * pairs + 1, seed);
  std::vector<BlockPair> list;
  for (std::size_t i = 0; i < static_cast<std::size_t>(pairs); ++i)
    list.push_back({blocks[2 * i], blocks[2 * i + 1]});
  const auto bytes = static_cast<std::size_t>(block_bytes);
  std::vector<std::uint8_t> content(blocks.size() * bytes);
  std::mt19937_64 random(seed);
  for (std::uint8_t& byte : content) byte = static_cast<std::uint8_t>(random());
  const DeviceMemory memory = DeviceMemory::with(content);
  const DeviceMemory pair_memory = DeviceMemory::with(list);
  const DeviceMemory pool = DeviceMemory::with(
      std::vector<CopyPool>{{memory.data(), memory.data(), block_bytes, block_bytes, block_bytes}});
  launch_block_copy({pool.as<CopyPool>(), pair_memory.as<BlockPair>(), 1, pairs, block_bytes},
                    kAsManyAsFit, {});
  wait_for_device();
  for (const BlockPair& pair : list)
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(pair.from * block_bytes), bytes,
                content.begin() + static_cast<std::ptrdiff_t>(pair.to * block_bytes));
  return memory.read<std::uint8_t>(content.size()) == content ? 0 : 1;
}

// ---- the small kernels ----

using Bits = std::vector<std::uint16_t>;

std::vector<double> numbers(const Bits& bits) { return values_of(KvElement::kBf16, bits); }

double rms_norm_error(int rows, int width, std::uint64_t seed) {
  constexpr float kEpsilon = 1e-5f;
  const auto columns = static_cast<std::size_t>(width);
  const auto count = static_cast<std::size_t>(rows) * columns;
  const Bits in = random_elements(KvElement::kBf16, count, 1, seed);
  const Bits weight = random_elements(KvElement::kBf16, columns, 1, seed + 1);
  const DeviceMemory in_memory = DeviceMemory::with(in);
  const DeviceMemory weight_memory = DeviceMemory::with(weight);
  const DeviceMemory out = filled(count, 2, kPoisonByte);
  launch_rms_norm<gpu::Bf16>(
      {in_memory.data(), nullptr, weight_memory.data(), out.data(), width, kEpsilon}, rows, {});
  wait_for_device();
  const std::vector<double> x = numbers(in);
  const std::vector<double> w = numbers(weight);
  std::vector<double> expected(count);
  for (std::size_t first = 0; first < count; first += columns) {
    double square = 0;
    for (std::size_t i = 0; i < columns; ++i) square += x[first + i] * x[first + i];
    const double norm = 1 / std::sqrt(square / width + static_cast<double>(kEpsilon));
    for (std::size_t i = 0; i < columns; ++i) expected[first + i] = x[first + i] * norm * w[i];
  }
  return relative_error(numbers(out.read<std::uint16_t>(count)), expected, columns);
}

double silu_mul_error(int rows, int width, std::uint64_t seed) {
  const auto columns = static_cast<std::size_t>(width);
  const auto count = static_cast<std::size_t>(rows) * columns;
  const Bits in = random_elements(KvElement::kBf16, 2 * count, 2, seed);
  const DeviceMemory in_memory = DeviceMemory::with(in);
  const DeviceMemory out = filled(count, 2, kPoisonByte);
  launch_silu_mul<gpu::Bf16>({in_memory.data(), out.data(), width}, rows, {});
  wait_for_device();
  const std::vector<double> x = numbers(in);
  std::vector<double> expected(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i / columns * 2 * columns + i % columns;
    expected[i] = x[at] / (1 + std::exp(-x[at])) * x[at + columns];
  }
  return relative_error(numbers(out.read<std::uint16_t>(count)), expected, columns);
}

double embedding_error(int rows, int width, std::uint64_t seed) {
  constexpr int kVocabulary = 50;
  const auto columns = static_cast<std::size_t>(width);
  const Bits table = random_elements(KvElement::kBf16, kVocabulary * columns, 1, seed);
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(rows));
  for (int i = 0; i < rows; ++i) ids.push_back(i * 7 % kVocabulary);
  const DeviceMemory table_memory = DeviceMemory::with(table);
  const DeviceMemory id_memory = DeviceMemory::with(ids);
  const DeviceMemory out = filled(ids.size() * columns, 2, kPoisonByte);
  launch_embedding<gpu::Bf16>(
      {id_memory.as<std::int32_t>(), table_memory.data(), out.data(), width}, rows, {});
  wait_for_device();
  Bits expected;
  for (const std::int32_t id : ids) {
    const auto first = table.begin() + static_cast<std::ptrdiff_t>(id) * width;
    expected.insert(expected.end(), first, first + width);
  }
  return out.read<std::uint16_t>(expected.size()) == expected ? 0 : 1;
}

double argmax_error(int rows, int width, std::uint64_t seed) {
  const auto columns = static_cast<std::size_t>(width);
  const Bits logits =
      random_elements(KvElement::kBf16, static_cast<std::size_t>(rows) * columns, 1, seed);
  const DeviceMemory logit_memory = DeviceMemory::with(logits);
  const DeviceMemory out = filled(static_cast<std::size_t>(rows), 4, kPoisonByte);
  launch_argmax<gpu::Bf16>({logit_memory.data(), out.as<std::int32_t>(), width}, rows, {});
  wait_for_device();
  const std::vector<double> x = numbers(logits);
  std::vector<std::int32_t> expected;
  for (std::size_t first = 0; first < x.size(); first += columns) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
    expected.push_back(static_cast<std::int32_t>(std::max_element(begin, begin + width) - begin));
  }
  return out.read<std::int32_t>(expected.size()) == expected ? 0 : 1;
}

}  // namespace

std::vector<Check> memory_checks(CheckSize size, std::uint64_t seed) {
  const bool full = size == CheckSize::kFull;
  const int tokens = full ? 1000 : 21;
  const int rows = full ? 300 : 3;
  const int width = full ? 4096 : 256;
  std::vector<Check> checks;
  constexpr std::pair<KvElement, const char*> kStored[] = {{KvElement::kBf16, "bf16"},
                                                           {KvElement::kE4m3, "fp8"},
                                                           {KvElement::kInt8, "int8"},
                                                           {KvElement::kInt4, "int4"}};
  for (const auto& [element, word] : kStored)
    checks.push_back({"append", text("to ", word), 0, [element = element, tokens, seed] {
                        return append_error(element, tokens, seed);
                      }});
  for (const std::int64_t bytes : {16, 4096 + 16})
    checks.push_back({"copy", text("blocks of ", bytes, " bytes"), 0,
                      [=] { return copy_error(full ? 500 : 7, bytes, seed); }});
  checks.push_back({"elementwise", "rms_norm", kBf16Tolerance,
                    [=] { return rms_norm_error(rows, width, seed); }});
  checks.push_back({"elementwise", "silu_mul", kBf16Tolerance,
                    [=] { return silu_mul_error(rows, width, seed); }});
  checks.push_back({"elementwise", "embed", 0, [=] { return embedding_error(rows, width, seed); }});
  checks.push_back({"elementwise", "argmax", 0, [=] { return argmax_error(rows, width, seed); }});
  return checks;
}

std::vector<Check> all_checks(CheckSize size, int multiprocessors, std::uint64_t seed) {
  std::vector<Check> all = decode_checks(size, multiprocessors, seed);
  for (const auto& more :
       {prefill_checks(size, multiprocessors, seed), cascade_checks(size, multiprocessors, seed),
        mla_checks(size, multiprocessors, seed), rotation_checks(size, seed),
        swap_checks(size, seed), memory_checks(size, seed)})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace kvsim::calibrate
