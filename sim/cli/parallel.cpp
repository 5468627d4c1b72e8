#include "sim/cli/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace kvsim {
namespace {

class Pool {
 public:
  Pool(const std::vector<Simulation>& simulations, const Progress& progress)
      : simulations_(simulations),
        progress_(progress),
        reports_(simulations.size()),
        errors_(simulations.size()),
        shares_(simulations.size(), 0) {}

  // Indices are handed out in order and a started simulation is always finished: when one fails,
  // all before it have been started, so the first error in index order is always the same one.
  void work() {
    for (std::size_t i = next_++; i < simulations_.size() && !failed_; i = next_++) {
      try {
        reports_[i] = simulations_[i]([this, i](double share) { tell(i, share); });
        tell(i, 1);
      } catch (...) {
        errors_[i] = std::current_exception();
        failed_ = true;
      }
    }
  }

  std::vector<Report> results() {
    for (const std::exception_ptr& error : errors_)
      if (error) std::rethrow_exception(error);
    return std::move(reports_);
  }

 private:
  void tell(std::size_t index, double share) {
    if (!progress_) return;
    const std::lock_guard<std::mutex> one_at_a_time(mutex_);
    sum_ += std::max(share, 0.0) - shares_[index];
    shares_[index] = std::max(share, 0.0);
    progress_(sum_ / static_cast<double>(shares_.size()));
  }

  const std::vector<Simulation>& simulations_;
  const Progress& progress_;
  std::vector<Report> reports_;
  std::vector<std::exception_ptr> errors_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // of what follows
  std::vector<double> shares_;
  double sum_ = 0;
};

}  // namespace

std::vector<Report> run_all(const std::vector<Simulation>& simulations, std::size_t threads,
                            const Progress& progress) {
  Pool pool(simulations, progress);
  std::vector<std::thread> helpers;
  const std::size_t useful = std::min(threads, simulations.size());
  for (std::size_t i = 1; i < useful; ++i) helpers.emplace_back([&pool] { pool.work(); });
  pool.work();  // this thread is one of them
  for (std::thread& helper : helpers) helper.join();
  return pool.results();
}

}  // namespace kvsim
