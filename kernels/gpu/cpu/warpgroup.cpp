// A warp's share of a warpgroup's product: its 16 rows, which no other warp's data enters.

#include "kernels/gpu/warpgroup.h"

namespace kvsim::gpu {
namespace {

using Operands = std::array<void*, kWarpThreads>;

struct Product {
  float (*d)[4];
  const std::uint32_t* a;
  std::uint64_t descriptor;
};

/// The fields of a matrix descriptor, in bytes.
struct Layout {
  explicit Layout(std::uint64_t descriptor)
      : address((descriptor & 0x3fffu) << 4),
        leading((descriptor >> 16 & 0x3fffu) << 4),
        outer((descriptor >> 32 & 0x3fffu) << 4) {
    if (descriptor >> 62 != 1) throw MachineError("wgmma: only the 128-byte swizzle is known here");
  }

  /// Element (k, n), before and after the swizzle: three bits of the row are added to the piece's.
  template <bool kColumns>
  [[nodiscard]] std::uint64_t at(std::uint64_t k, std::uint64_t n) const {
    const std::uint64_t plain =
        kColumns ? address + n / 64 * leading + n % 64 * 2 + k / 8 * outer + k % 8 * 128
                 : address + n / 8 * outer + n % 8 * 128 + k * 2;
    return plain ^ (plain >> 7 & 0x7u) << 4;
  }

  std::uint64_t address;
  std::uint64_t leading;
  std::uint64_t outer;
};

template <class Element, std::size_t kWidth, bool kColumns>
void perform_product(const Operands& operands) {
  const Layout layout(static_cast<const Product*>(operands[0])->descriptor);
  float a[16][16];
  for (std::size_t lane = 0; lane < kWarpThreads; ++lane) {
    const auto* fragment = static_cast<const Product*>(operands[lane]);
    for (std::size_t i = 0; i < 4; ++i) {
      float* pair = &a[lane / 4 + i % 2 * 8][lane % 4 * 2 + i / 2 * 8];
      unpack<Element>(fragment->a[i], pair[0], pair[1]);
    }
  }
  const std::byte* shared = Machine::current().shared_memory();
  for (std::size_t n = 0; n < kWidth; ++n) {
    float b[16];
    for (std::size_t k = 0; k < 16; ++k) {
      const std::uint64_t at = layout.at<kColumns>(k, n);
      if (at + sizeof(Element) > Machine::current().launch().shared_bytes)
        throw MachineError("wgmma: the descriptor leads out of shared memory");
      if (at % 16 == 0) Machine::current().check_row(shared + at, "wgmma");
      Element element;
      std::memcpy(&element, shared + at, sizeof element);
      b[k] = to_float(element);
    }
    for (std::size_t row = 0; row < 16; ++row) {
      float sum = 0;
      for (std::size_t k = 0; k < 16; ++k) sum += a[row][k] * b[k];
      const std::size_t lane = row % 8 * 4 + n % 8 / 2;
      static_cast<const Product*>(operands[lane])->d[n / 8][row / 8 * 2 + n % 2] += sum;
    }
  }
}

}  // namespace

template <class Element>
void multiply_by_rows(float (&d)[8][4], const std::uint32_t (&a)[4], std::uint64_t b, Where where) {
  Product lane{d, a, b};
  Machine::current().collective({"wgmma", where}, &lane, &perform_product<Element, 64, false>);
}

template <class Element>
void multiply_by_columns(float (&d)[16][4], const std::uint32_t (&a)[4], std::uint64_t b,
                         Where where) {
  Product lane{d, a, b};
  Machine::current().collective({"wgmma", where}, &lane, &perform_product<Element, 128, true>);
}

template void multiply_by_rows<Bf16>(float (&)[8][4], const std::uint32_t (&)[4], std::uint64_t,
                                     Where);
template void multiply_by_rows<Fp16>(float (&)[8][4], const std::uint32_t (&)[4], std::uint64_t,
                                     Where);
template void multiply_by_columns<Bf16>(float (&)[16][4], const std::uint32_t (&)[4], std::uint64_t,
                                        Where);
template void multiply_by_columns<Fp16>(float (&)[16][4], const std::uint32_t (&)[4], std::uint64_t,
                                        Where);

}  // namespace kvsim::gpu
