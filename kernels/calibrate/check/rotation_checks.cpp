#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <span>

#include "kernels/append/append.h"
#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/formats/reference.h"
#include "kernels/gpu/number.h"

namespace kvsim::calibrate {
namespace {

constexpr int kQueryHeads = 4, kKvHeads = 2, kRowHeads = kQueryHeads + 2 * kKvHeads;
constexpr int kPageShift = 3;
constexpr std::int32_t kPositions = 4096;

double angle(std::size_t i, std::size_t dim, std::int32_t position) {
  return position * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
}

/// [positions, dim]: cosines, then sines (arXiv 2104.09864).
std::vector<float> rotation_table(std::size_t dim) {
  std::vector<float> table;
  for (std::int32_t position = 0; position < kPositions; ++position) {
    for (std::size_t i = 0; i < dim / 2; ++i)
      table.push_back(static_cast<float>(std::cos(angle(i, dim, position))));
    for (std::size_t i = 0; i < dim / 2; ++i)
      table.push_back(static_cast<float>(std::sin(angle(i, dim, position))));
  }
  return table;
}

/// The pair (i, i + dim / 2) as a complex number times e^(i angle).
void append_rotated(std::span<const double> row, std::int32_t position, std::vector<double>& to) {
  const std::size_t half = row.size() / 2;
  for (std::size_t d = 0; d < row.size(); ++d) {
    const double a = angle(d % half, row.size(), position);
    to.push_back(d < half ? row[d] * std::cos(a) - row[d + half] * std::sin(a)
                          : row[d - half] * std::sin(a) + row[d] * std::cos(a));
  }
}

/// A row of a pool as numbers.
std::vector<double> stored_row(KvElement stored, const std::uint8_t* row, std::size_t dim,
                               std::uint16_t scale) {
  if (is_quantised(stored)) {
    const std::size_t bytes = dim * static_cast<std::size_t>(bits_of(stored)) / 8;
    const auto numbers = dequantise(stored, {gpu::Fp16{scale}, {row, row + bytes}});
    return {numbers.begin(), numbers.end()};
  }
  std::vector<double> numbers;
  for (std::size_t d = 0; d < dim; ++d)
    numbers.push_back(
        value_of_bits(stored, static_cast<std::uint16_t>(row[2 * d] | row[2 * d + 1] << 8)));
  return numbers;
}

/// Rotated queries, in place, and rotated keys, in the pool, against double; values are not
/// rotated.
double rotation_error(KvElement stored, std::size_t dim, int tokens, std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(tokens);
  std::mt19937_64 random(seed);
  std::vector<std::int32_t> slots((2 * count + 8) / 8 * 8);  // whole pages
  std::iota(slots.begin(), slots.end(), 0);
  std::shuffle(slots.begin(), slots.end(), random);
  const std::size_t pool_rows = slots.size() * kKvHeads;
  slots.resize(count);
  slots.back() = -1;  // padding: its queries are rotated, its key is kept nowhere
  std::vector<std::int32_t> positions;
  positions.reserve(count);
  for (int t = 0; t < tokens; ++t)
    positions.push_back(static_cast<std::int32_t>(random() % kPositions));
  const auto rows = random_elements(KvElement::kBf16, count * kRowHeads * dim, 1, seed + 1);
  const std::size_t row_bytes = dim * static_cast<std::size_t>(bits_of(stored)) / 8;

  const DeviceMemory row_memory = DeviceMemory::with(rows);
  const DeviceMemory slot_memory = DeviceMemory::with(slots);
  const DeviceMemory position_memory = DeviceMemory::with(positions);
  const DeviceMemory table = DeviceMemory::with(rotation_table(dim));
  const DeviceMemory k = filled(pool_rows, row_bytes, kPoisonByte);
  const DeviceMemory v = filled(pool_rows, row_bytes, kPoisonByte);
  const DeviceMemory k_scales = filled(pool_rows, 2, kPoisonByte);
  const DeviceMemory v_scales = filled(pool_rows, 2, kPoisonByte);
  AppendArgs args;
  args.query = row_memory.data();
  args.key = row_memory.as<std::uint16_t>() + kQueryHeads * dim;
  args.value = row_memory.as<std::uint16_t>() + (kQueryHeads + kKvHeads) * dim;
  args.token_stride = static_cast<std::int64_t>(kRowHeads * dim);
  args.slots = slot_memory.as<std::int32_t>();
  args.k = k.data();
  args.v = v.data();
  args.k_scales = k_scales.data();
  args.v_scales = v_scales.data();
  args.cos_sin = table.as<float>();
  args.positions = position_memory.as<std::int32_t>();
  args.query_heads = kQueryHeads;
  args.kv_heads = kKvHeads;
  args.head_dim = static_cast<std::int32_t>(dim);
  args.page_shift = kPageShift;
  launch_append({KvElement::kBf16, stored}, args, tokens, {});
  wait_for_device();

  const std::vector<double> before = values_of(KvElement::kBf16, rows);
  const auto after_bits = row_memory.read<std::uint16_t>(rows.size());
  const std::vector<double> after = values_of(KvElement::kBf16, after_bits);
  const auto keys = k.read<std::uint8_t>(pool_rows * row_bytes);
  const auto values = v.read<std::uint8_t>(pool_rows * row_bytes);
  const auto key_scales = k_scales.read<std::uint16_t>(pool_rows);
  const auto value_scales = v_scales.read<std::uint16_t>(pool_rows);
  std::vector<double> is;
  std::vector<double> expected;
  for (std::size_t i = 0; i < count * kRowHeads; ++i) {
    const std::size_t head = i % kRowHeads;
    const std::int32_t position = positions[i / kRowHeads];
    const std::span<const double> row(&before[i * dim], dim);
    if (head < kQueryHeads) {
      is.insert(is.end(), &after[i * dim], &after[i * dim] + dim);
      append_rotated(row, position, expected);
      continue;
    }
    if (!std::equal(&rows[i * dim], &rows[i * dim] + dim, &after_bits[i * dim]))
      return std::numeric_limits<double>::infinity();  // The projection's keys are left as they
                                                       // are.
    if (slots[i / kRowHeads] < 0) continue;
    const bool is_key = head < kQueryHeads + kKvHeads;
    const auto slot = static_cast<std::size_t>(slots[i / kRowHeads]);
    const std::size_t page_tokens = 1 << kPageShift;
    const std::size_t at =
        (slot / page_tokens * kKvHeads + (head - kQueryHeads) % kKvHeads) * page_tokens +
        slot % page_tokens;
    const auto stored_as = is_key
                               ? stored_row(stored, &keys[at * row_bytes], dim, key_scales[at])
                               : stored_row(stored, &values[at * row_bytes], dim, value_scales[at]);
    is.insert(is.end(), stored_as.begin(), stored_as.end());
    if (is_key) {
      append_rotated(row, position, expected);
    } else {
      expected.insert(expected.end(), row.begin(), row.end());
    }
  }
  return relative_error(is, expected, dim);
}

}  // namespace

std::vector<Check> rotation_checks(CheckSize size, std::uint64_t seed) {
  // Half an ulp of bf16; else an error that is uniform in a step of the code, step / sqrt(12),
  // where the largest of a row of normal numbers, up to 4 deviations, is 127 or 7 steps, or in 2^-3
  // of a number for e4m3. A wrong angle or partner errs by the order of 1.
  struct Stored {
    KvElement element;
    const char* word;
    double tolerance;
  };
  constexpr Stored kStored[] = {{KvElement::kBf16, "bf16", 4e-3},
                                {KvElement::kE4m3, "fp8", 4e-2},
                                {KvElement::kInt8, "int8", 1.2e-2},
                                {KvElement::kInt4, "int4", 0.2}};
  const bool full = size == CheckSize::kFull;
  std::vector<Check> checks;
  for (const Stored& s : kStored)
    for (const std::size_t dim : {64U, 128U, 256U})
      if (full || dim == 64)
        checks.push_back({"append", text("rotated, ", dim, " to ", s.word), s.tolerance,
                          [=, element = s.element] {
                            return rotation_error(element, dim, full ? 500 : 13, seed);
                          }});
  return checks;
}

}  // namespace kvsim::calibrate
