// Collectives of a warp: done once, for 32 lanes at a time, when all have come.
// Fragment layouts: PTX ISA 8.x, "Matrix Fragments for mma.m16n8k16" and "ldmatrix".

#include "kernels/gpu/cpu/device.h"

namespace kvsim::gpu {
namespace {

using Operands = std::array<void*, kWarpThreads>;

struct Exchange {
  std::uint32_t word;
  int source;
  std::uint32_t result;
};

void perform_exchange(const Operands& operands) {
  for (void* operand : operands) {
    auto* lane = static_cast<Exchange*>(operand);
    lane->result =
        static_cast<const Exchange*>(operands[static_cast<std::size_t>(lane->source)])->word;
  }
}

struct Ballot {
  bool predicate;
  std::uint32_t result;
};

void perform_ballot(const Operands& operands) {
  std::uint32_t votes = 0;
  for (std::size_t lane = 0; lane < kWarpThreads; ++lane)
    votes |= static_cast<std::uint32_t>(static_cast<Ballot*>(operands[lane])->predicate) << lane;
  for (void* operand : operands) static_cast<Ballot*>(operand)->result = votes;
}

struct LoadMatrix {
  const std::byte* row;
  std::uint32_t* result;
};

std::uint32_t element(const std::byte* row, std::size_t column) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, row + column * sizeof bits, sizeof bits);
  return bits;
}

/// Lane l gets elements (l / 4, 2 (l % 4)) and the one after it in the row; transposed, the one
/// after it in the column.
template <bool kTranspose>
void perform_load_matrix(const Operands& operands) {
  for (std::size_t matrix = 0; matrix < 4; ++matrix) {
    const auto row = [&](std::size_t r) {
      return static_cast<const LoadMatrix*>(operands[matrix * 8 + r])->row;
    };
    for (std::size_t lane = 0; lane < kWarpThreads; ++lane) {
      const std::size_t major = lane / 4;
      const std::size_t minor = lane % 4 * 2;
      static_cast<LoadMatrix*>(operands[lane])->result[matrix] =
          kTranspose ? element(row(minor), major) | element(row(minor + 1), major) << 16
                     : element(row(major), minor) | element(row(major), minor + 1) << 16;
    }
  }
}

struct MultiplyAdd {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

template <class Element>
void perform_multiply_add(const Operands& operands) {
  float a[16][16];
  float b[16][8];
  float d[16][8] = {};
  for (std::size_t lane = 0; lane < kWarpThreads; ++lane) {
    const auto* fragment = static_cast<const MultiplyAdd*>(operands[lane]);
    const std::size_t g = lane / 4;
    const std::size_t t = lane % 4 * 2;
    for (std::size_t i = 0; i < 4; ++i) {
      float* pair = &a[g + i % 2 * 8][t + i / 2 * 8];
      unpack<Element>(fragment->a[i], pair[0], pair[1]);
    }
    for (std::size_t i = 0; i < 2; ++i)
      unpack<Element>(fragment->b[i], b[t + i * 8][g], b[t + i * 8 + 1][g]);
  }
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t k = 0; k < 16; ++k)
      for (std::size_t column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
  for (std::size_t lane = 0; lane < kWarpThreads; ++lane) {
    auto* fragment = static_cast<MultiplyAdd*>(operands[lane]);
    for (std::size_t i = 0; i < 4; ++i)
      fragment->d[i] += d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
  }
}

}  // namespace

void sync_warp(Where where) { Machine::current().warp_barrier({"sync_warp", where}); }

std::uint32_t exchange(std::uint32_t word, int source, const Site& site) {
  Exchange lane{word, source, 0};
  Machine::current().collective(site, &lane, &perform_exchange);
  return lane.result;
}

std::uint32_t ballot(bool predicate, Where where) {
  Ballot lane{predicate, 0};
  Machine::current().collective({"ballot", where}, &lane, &perform_ballot);
  return lane.result;
}

void ldmatrix_x4(std::uint32_t (&r)[4], const void* row, Where where) {
  Machine::current().check_row(row, "ldmatrix_x4");
  LoadMatrix lane{static_cast<const std::byte*>(row), r};
  Machine::current().collective({"ldmatrix_x4", where}, &lane, &perform_load_matrix<false>);
}

void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row, Where where) {
  Machine::current().check_row(row, "ldmatrix_x4_trans");
  LoadMatrix lane{static_cast<const std::byte*>(row), r};
  Machine::current().collective({"ldmatrix_x4_trans", where}, &lane, &perform_load_matrix<true>);
}

template <class Element>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  Where where) {
  MultiplyAdd lane{d, a, b};
  Machine::current().collective({"mma_m16n8k16", where}, &lane, &perform_multiply_add<Element>);
}

template void mma_m16n8k16<Bf16>(float (&)[4], const std::uint32_t (&)[4],
                                 const std::uint32_t (&)[2], Where);
template void mma_m16n8k16<Fp16>(float (&)[4], const std::uint32_t (&)[4],
                                 const std::uint32_t (&)[2], Where);

}  // namespace kvsim::gpu
