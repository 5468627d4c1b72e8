#pragma once
// Softmax attention by its definition, in double.

#include <cstddef>
#include <vector>

namespace kvsim::calibrate {

/// One query head: softmax(q . k_t * scale) over the tokens t, times v_t. `k` and `v` are rows of
/// q.size() values, one for each token; no token gives zeros.
[[nodiscard]] std::vector<double> attend(const std::vector<double>& q,
                                         const std::vector<const double*>& k,
                                         const std::vector<const double*>& v, double scale);

}  // namespace kvsim::calibrate
