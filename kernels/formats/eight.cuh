#pragma once
// Eight neighbours of a row of 16-bit elements: one lane's 16 bytes, as floats.

#include "kernels/gpu/gpu.h"

namespace kvsim {

struct Eight {
  float x[8] = {};
};

template <class Element>
KVSIM_DEVICE Eight unpack8(const gpu::Vec16& packed) {
  Eight e;
  KVSIM_UNROLL
  for (int i = 0; i < 8; i += 2) gpu::unpack<Element>(packed.word[i / 2], e.x[i], e.x[i + 1]);
  return e;
}

template <class Element>
KVSIM_DEVICE gpu::Vec16 pack8(const Eight& e) {
  gpu::Vec16 packed;
  KVSIM_UNROLL
  for (int i = 0; i < 8; i += 2) packed.word[i / 2] = gpu::pack<Element>(e.x[i], e.x[i + 1]);
  return packed;
}

}  // namespace kvsim
