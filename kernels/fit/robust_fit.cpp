#include "kernels/fit/robust_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kvsim {
namespace {

using Vector = std::vector<double>;

constexpr double kScale = 0.05;     // residuals beyond 5 % count by their distance
constexpr int kSteps = 200;         // of one start
constexpr double kSettled = 1e-12;  // relative gain that is none
constexpr double kNothing = 1e-9;   // share of a ceiling below which a coefficient is 0
constexpr double kNudge = 1e-5;     // of a logarithm, for derivatives
// Shares of the ceilings to start from.
constexpr std::array kStarts{0.5, 0.1, 0.9, 0.01};

Vector exponentials(const Vector& logs) {
  Vector values(logs.size());
  std::transform(logs.begin(), logs.end(), values.begin(), [](double x) { return std::exp(x); });
  return values;
}

class Problem {
 public:
  Problem(const Predict& predict, const Vector& measured) : predict_(predict) {
    for (const double m : measured) log_measured_.push_back(std::log(m));
  }
  [[nodiscard]] Vector residuals(const Vector& logs) const {
    Vector r = predict_(exponentials(logs));
    for (std::size_t i = 0; i < r.size(); ++i) r[i] = std::log(r[i]) - log_measured_[i];
    return r;
  }
  [[nodiscard]] static double loss(const Vector& residuals) {
    double sum = 0;
    for (const double r : residuals)
      sum += 2 * kScale * kScale * (std::sqrt(1 + r * r / (kScale * kScale)) - 1);
    return sum / static_cast<double>(residuals.size());
  }

 private:
  const Predict& predict_;
  Vector log_measured_;
};

/// Solves the symmetric positive definite system in place, by Gaussian elimination.
Vector solve(std::vector<Vector> a, Vector b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t row = i + 1; row < n; ++row) {
      const double factor = a[row][i] / a[i][i];
      for (std::size_t column = i; column < n; ++column) a[row][column] -= factor * a[i][column];
      b[row] -= factor * b[i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t column = i + 1; column < n; ++column) b[i] -= a[i][column] * b[column];
    b[i] /= a[i][i];
  }
  return b;
}

/// The normal equations J'WJ step = -J'Wr, W the weights under which squares act like soft L1.
struct NormalEquations {
  std::vector<Vector> matrix;
  Vector gradient;
};

NormalEquations normal_equations(const Problem& problem, const Vector& logs, const Vector& r) {
  const std::size_t n = logs.size();
  std::vector<Vector> jacobian;  // [coefficient][row]
  for (std::size_t j = 0; j < n; ++j) {
    Vector nudged = logs;
    nudged[j] += kNudge;
    jacobian.push_back(problem.residuals(nudged));
    for (std::size_t i = 0; i < r.size(); ++i) jacobian[j][i] = (jacobian[j][i] - r[i]) / kNudge;
  }
  NormalEquations e{std::vector<Vector>(n, Vector(n)), Vector(n)};
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double weight = 1 / std::sqrt(1 + r[i] * r[i] / (kScale * kScale));
    for (std::size_t j = 0; j < n; ++j) {
      e.gradient[j] += weight * jacobian[j][i] * r[i];
      for (std::size_t k = 0; k < n; ++k)
        e.matrix[j][k] += weight * jacobian[j][i] * jacobian[k][i];
    }
  }
  return e;
}

struct Descent {
  Vector logs;
  double loss = 0;
};

Descent descend(const Problem& problem, Vector logs, const Vector& upper, const Vector& lower) {
  Vector r = problem.residuals(logs);
  double loss = Problem::loss(r);
  double damping = 1e-2;
  constexpr double kMostDamping = 1e12;
  for (int step = 0; step < kSteps && damping < kMostDamping; ++step) {
    const NormalEquations e = normal_equations(problem, logs, r);
    bool better = false;
    while (!better && damping < kMostDamping) {
      std::vector<Vector> damped = e.matrix;
      // Also where a coefficient has no influence any more the system stays solvable.
      for (std::size_t j = 0; j < logs.size(); ++j) damped[j][j] += damping * (damped[j][j] + 1e-9);
      const Vector change = solve(damped, e.gradient);
      Vector next = logs;
      for (std::size_t j = 0; j < next.size(); ++j)
        next[j] = std::clamp(logs[j] - std::clamp(change[j], -2.0, 2.0), lower[j], upper[j]);
      Vector next_r = problem.residuals(next);
      const double next_loss = Problem::loss(next_r);
      better = next_loss < loss;
      if (!better) {
        damping *= 4;
        continue;
      }
      damping = std::max(damping / 4, 1e-9);
      const bool settled = loss - next_loss < kSettled * loss;
      logs = std::move(next);
      r = std::move(next_r);
      loss = next_loss;
      if (settled) return {logs, loss};
    }
  }
  return {logs, loss};
}

}  // namespace

RobustFit robust_fit(const Predict& predict, const std::vector<double>& measured,
                     const std::vector<double>& ceilings) {
  const Problem problem(predict, measured);
  Vector upper;
  Vector lower;
  for (const double ceiling : ceilings) {
    upper.push_back(std::log(ceiling));
    lower.push_back(std::log(ceiling * kNothing));
  }
  Descent best{{}, std::numeric_limits<double>::infinity()};
  for (const double share : kStarts) {
    Vector start = upper;
    for (double& log : start) log += std::log(share);
    Descent found = descend(problem, std::move(start), upper, lower);
    if (found.loss < best.loss) best = std::move(found);
  }
  RobustFit fit{exponentials(best.logs), best.loss};
  for (std::size_t j = 0; j < fit.coefficients.size(); ++j)
    if (fit.coefficients[j] < 10 * kNothing * ceilings[j]) fit.coefficients[j] = 0;
  return fit;
}

}  // namespace kvsim
