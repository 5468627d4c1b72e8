// KV append: what lands in a slot is, bit for bit, what the plain quantiser says; nothing else in
// the pools changes.
#include "kernels/append/append.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/formats/reference.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {
namespace {

using gpu::Bf16;
using gpu::Fp16;

constexpr std::uint8_t kUntouched = 0xa5;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

template <class Element>
constexpr KvElement kElementOf =
    std::is_same_v<Element, Bf16> ? KvElement::kBf16 : KvElement::kFp16;

/// A projection's output [tokens, query_heads + 2 kv_heads, head_dim] and the pools it goes into.
template <class Element>
struct Scene {
  int tokens = 0;
  int query_heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int page_shift = 0;
  int pages = 0;
  std::vector<Element> rows;
  std::vector<std::int32_t> slots;
  std::vector<std::uint8_t> keys, values;
  std::vector<Fp16> key_scales, value_scales;

  [[nodiscard]] int row_heads() const { return query_heads + 2 * kv_heads; }
  /// Of `head`, counted over queries, then keys, then values.
  [[nodiscard]] std::vector<float> row(int token, int head) const {
    std::vector<float> floats;
    floats.reserve(index(head_dim));
    for (int d = 0; d < head_dim; ++d)
      floats.push_back(gpu::to_float(rows[index((token * row_heads() + head) * head_dim + d)]));
    return floats;
  }
  [[nodiscard]] int pool_rows() const { return (pages * kv_heads) << page_shift; }
  /// HND by its definition.
  [[nodiscard]] std::size_t pool_row(int slot, int head) const {
    const int page_tokens = 1 << page_shift;
    const int page = slot / page_tokens;
    return index((page * kv_heads + head) * page_tokens + slot % page_tokens);
  }
  AppendArgs params() {
    AppendArgs p;
    p.query = rows.data();
    p.key = rows.data() + query_heads * head_dim;
    p.value = rows.data() + (query_heads + kv_heads) * head_dim;
    p.token_stride = row_heads() * head_dim;
    p.slots = slots.data();
    p.k = keys.data();
    p.v = values.data();
    p.k_scales = key_scales.data();
    p.v_scales = value_scales.data();
    p.head_dim = head_dim;
    p.kv_heads = kv_heads;
    p.page_shift = page_shift;
    return p;
  }
};

/// Normal rows of different magnitudes; distinct random slots, every fifth token padding.
template <class Element>
Scene<Element> make_scene(int tokens, int query_heads, int kv_heads, int head_dim, int page_shift,
                          std::size_t row_bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  Scene<Element> scene;
  scene.tokens = tokens;
  scene.query_heads = query_heads;
  scene.kv_heads = kv_heads;
  scene.head_dim = head_dim;
  scene.page_shift = page_shift;
  scene.pages = 2 * tokens / (1 << page_shift) + 2;
  for (int row = 0; row < tokens * scene.row_heads(); ++row) {
    const float deviation = std::exp2(static_cast<float>(row % 13) - 6);
    for (int d = 0; d < head_dim; ++d)
      scene.rows.push_back(gpu::from_float<Element>(deviation * normal(random)));
  }
  std::vector<std::int32_t> slots(index(scene.pages << page_shift));
  std::iota(slots.begin(), slots.end(), 0);
  std::shuffle(slots.begin(), slots.end(), random);
  for (int token = 0; token < tokens; ++token)
    scene.slots.push_back(token % 5 == 4 ? -1 : slots[index(token)]);
  const auto rows = index(scene.pool_rows());
  scene.keys.assign(rows * row_bytes, kUntouched);
  scene.values = scene.keys;
  scene.key_scales.assign(rows, Fp16{0xa5a5});
  scene.value_scales = scene.key_scales;
  return scene;
}

template <class Element>
void expect_appends(KvElement stored, int head_dim, int kv_heads, int page_shift,
                    std::uint64_t seed, float poison = std::numeric_limits<float>::quiet_NaN()) {
  const std::size_t row_bytes = index(head_dim * bits_of(stored) / 8);
  auto scene = make_scene<Element>(23, 0, kv_heads, head_dim, page_shift, row_bytes, seed);
  for (int d = 0; d < head_dim; ++d) scene.rows[index(d)] = Element{};  // Zeros.
  scene.rows[index(scene.row_heads() * head_dim + 5)] = gpu::from_float<Element>(poison);
  auto keys = scene.keys, values = scene.values;
  auto key_scales = scene.key_scales, value_scales = scene.value_scales;
  for (int token = 0; token < scene.tokens; ++token) {
    const int slot = scene.slots[index(token)];
    if (slot < 0) continue;
    for (int head = 0; head < kv_heads; ++head) {
      const std::size_t row = scene.pool_row(slot, head);
      const auto key = quantise(stored, scene.row(token, head));
      const auto value = quantise(stored, scene.row(token, kv_heads + head));
      std::copy(key.codes.begin(), key.codes.end(), &keys[row * row_bytes]);
      std::copy(value.codes.begin(), value.codes.end(), &values[row * row_bytes]);
      key_scales[row] = key.scale;
      value_scales[row] = value.scale;
    }
  }
  gpu::Machine machine({seed, {}});
  launch_append({kElementOf<Element>, stored}, scene.params(), scene.tokens, machine.stream());
  EXPECT_EQ(scene.keys, keys);
  EXPECT_EQ(scene.values, values);
  for (std::size_t row = 0; row < key_scales.size(); ++row) {
    ASSERT_EQ(scene.key_scales[row].bits, key_scales[row].bits) << row;
    ASSERT_EQ(scene.value_scales[row].bits, value_scales[row].bits) << row;
  }
}

TEST(Append, QuantisesAsThePlainQuantiser) {
  expect_appends<Bf16>(KvElement::kE4m3, 64, 2, 3, 1);
  expect_appends<Bf16>(KvElement::kE4m3, 128, 8, 4, 2);
  expect_appends<Fp16>(KvElement::kE4m3, 256, 1, 5, 3);
  expect_appends<Fp16>(KvElement::kInt8, 64, 3, 4, 4);
  expect_appends<Bf16>(KvElement::kInt8, 128, 2, 6, 5);
  expect_appends<Bf16>(KvElement::kInt8, 256, 2, 3, 6);
  expect_appends<Bf16>(KvElement::kInt4, 64, 1, 4, 7);
  expect_appends<Fp16>(KvElement::kInt4, 128, 8, 3, 8);
  expect_appends<Bf16>(KvElement::kInt4, 256, 3, 4, 9);
}

TEST(Append, KeepsPoisonPoisoned) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const float poison : {inf, -inf, 3e38f}) {
    expect_appends<Bf16>(KvElement::kE4m3, 128, 2, 4, 11, poison);
    expect_appends<Bf16>(KvElement::kInt8, 64, 2, 4, 12, poison);
    expect_appends<Bf16>(KvElement::kInt4, 64, 2, 4, 13, poison);
  }
}

template <class Element>
void expect_copies(int head_dim) {
  const std::size_t row_bytes = sizeof(Element) * index(head_dim);
  auto scene = make_scene<Element>(17, 0, 3, head_dim, 4, row_bytes, 21);
  auto keys = scene.keys, values = scene.values;
  for (int token = 0; token < scene.tokens; ++token) {
    const int slot = scene.slots[index(token)];
    if (slot < 0) continue;
    for (int head = 0; head < 3; ++head) {
      const std::size_t to = scene.pool_row(slot, head) * row_bytes;
      const std::size_t from = index((token * 6 + head) * head_dim);
      std::memcpy(&keys[to], &scene.rows[from], row_bytes);
      std::memcpy(&values[to], &scene.rows[from + index(3 * head_dim)], row_bytes);
    }
  }
  gpu::Machine machine({21, {}});
  launch_append({kElementOf<Element>, kElementOf<Element>}, scene.params(), scene.tokens,
                machine.stream());
  EXPECT_EQ(scene.keys, keys);
  EXPECT_EQ(scene.values, values);
}

TEST(Append, CopiesUnquantisedRows) {
  expect_copies<Bf16>(64);
  expect_copies<Bf16>(128);
  expect_copies<Fp16>(256);
}

/// cos and sin of position / 10000^(2i / D), as the RoPE paper has them, in float as a table is.
std::vector<float> rotation_table(int positions, int head_dim) {
  std::vector<float> table;
  table.reserve(index(std::int64_t{positions} * head_dim));
  for (int position = 0; position < positions; ++position) {
    for (int i = 0; i < head_dim; ++i) {
      const double angle = position * std::pow(10000.0, -2.0 * (i % (head_dim / 2)) / head_dim);
      table.push_back(static_cast<float>(i < head_dim / 2 ? std::cos(angle) : std::sin(angle)));
    }
  }
  return table;
}

/// The pair (d, d + D/2) as a complex number times e^(i angle).
std::vector<double> rotated(const std::vector<float>& row, int position) {
  const std::size_t half = row.size() / 2;
  std::vector<double> result(row.size());
  for (std::size_t i = 0; i < half; ++i) {
    const double angle = position * std::pow(10000.0, -static_cast<double>(i) / double(half));
    result[i] = row[i] * std::cos(angle) - row[half + i] * std::sin(angle);
    result[half + i] = row[i] * std::sin(angle) + row[half + i] * std::cos(angle);
  }
  return result;
}

void expect_rotates(KvElement stored_as, int head_dim, std::uint64_t seed) {
  const std::size_t row_bytes = index(head_dim * bits_of(stored_as) / 8);
  constexpr int kQueries = 4, kKv = 2;
  auto scene = make_scene<Bf16>(9, kQueries, kKv, head_dim, 3, row_bytes, seed);
  const auto before = scene;
  const auto table = rotation_table(64, head_dim);
  std::vector<std::int32_t> positions;
  for (int token = 0; token < scene.tokens; ++token) positions.push_back(token * 7 % 64);
  AppendArgs p = scene.params();
  p.positions = positions.data();
  p.cos_sin = table.data();
  p.query_heads = kQueries;
  gpu::Machine machine({seed, {}});
  launch_append({KvElement::kBf16, stored_as}, p, scene.tokens, machine.stream());

  for (int token = 0; token < scene.tokens; ++token) {
    const int position = positions[index(token)];
    for (int head = 0; head < scene.row_heads(); ++head) {
      const auto is = scene.row(token, head);
      if (head >= kQueries) {  // Keys and values of the projection are left alone.
        EXPECT_EQ(is, before.row(token, head));
        continue;
      }
      const auto expected = rotated(before.row(token, head), position);
      for (std::size_t d = 0; d < is.size(); ++d)
        ASSERT_NEAR(is[d], expected[d], std::abs(expected[d]) * 0x1p-8 + 1e-5);
    }
    const int slot = scene.slots[index(token)];
    if (slot < 0) continue;
    for (int head = 0; head < kKv; ++head) {
      const std::size_t row = scene.pool_row(slot, head);
      const std::uint8_t* codes = &scene.keys[row * row_bytes];
      const QuantisedRow stored{scene.key_scales[row], {codes, codes + row_bytes}};
      const auto is = dequantise(stored_as, stored);
      const auto expected = rotated(before.row(token, kQueries + head), position);
      const double step = gpu::to_float(stored.scale);
      for (std::size_t d = 0; d < is.size(); ++d)
        ASSERT_NEAR(
            is[d], expected[d],
            step * 0.501 + (stored_as == KvElement::kE4m3 ? std::abs(expected[d]) * 0x1p-4 : 0));
      const auto value = quantise(stored_as, before.row(token, kQueries + kKv + head));
      EXPECT_TRUE(
          std::equal(value.codes.begin(), value.codes.end(), &scene.values[row * row_bytes]));
    }
  }
}

TEST(Append, RotatesQueriesAndKeys) {
  expect_rotates(KvElement::kInt8, 128, 31);
  expect_rotates(KvElement::kInt4, 64, 32);
  expect_rotates(KvElement::kE4m3, 256, 33);
}

std::string refusal(const AppendKernel& kernel, const AppendArgs& args) {
  try {
    launch_append(kernel, args, 1, {});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Append, RefusesWhatItHasNoKernelFor) {
  AppendArgs args;
  args.head_dim = 96;
  EXPECT_EQ(refusal({KvElement::kBf16, KvElement::kInt8}, args),
            "append: head_dim 16, 32, 64, 128 or 256, got 96");
  args.head_dim = 64;
  const char* elements = "append: rows are bf16 or fp16, kept as they are or quantised";
  EXPECT_EQ(refusal({KvElement::kBf16, KvElement::kFp16}, args), elements);
  EXPECT_EQ(refusal({KvElement::kInt8, KvElement::kInt8}, args), elements);
  args.query_heads = 4;
  EXPECT_EQ(refusal({KvElement::kBf16, KvElement::kBf16}, args),
            "append: queries are only rotated, and there is no rotation");
}

}  // namespace
}  // namespace kvsim
