#pragma once
// Speed: how fast a phase of a pass goes, by a roofline.

#include <algorithm>

namespace kvsim {

struct Speed {
  double bandwidth = 0;  ///< Bytes/s.
  double flops = 0;      ///< FLOP/s.
  [[nodiscard]] double seconds(double bytes, double flop) const {
    return std::max(bytes / bandwidth, flop / flops);
  }
};

}  // namespace kvsim
