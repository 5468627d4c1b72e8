#include "kernels/calibrate/check/attention_reference.h"

#include <algorithm>
#include <cmath>

namespace kvsim::calibrate {

std::vector<double> attend(const std::vector<double>& q, const std::vector<const double*>& k,
                           const std::vector<const double*>& v, double scale) {
  std::vector<double> weight;
  double largest = -HUGE_VAL;
  for (const double* key : k) {
    double score = 0;
    for (std::size_t d = 0; d < q.size(); ++d) score += q[d] * key[d];
    weight.push_back(score * scale);
    largest = std::max(largest, weight.back());
  }
  double sum = 0;
  for (double& w : weight) sum += w = std::exp(w - largest);
  std::vector<double> out(q.size());
  for (std::size_t t = 0; t < v.size(); ++t)
    for (std::size_t d = 0; d < q.size(); ++d) out[d] += weight[t] / sum * v[t][d];
  return out;
}

}  // namespace kvsim::calibrate
