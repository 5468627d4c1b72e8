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
  Pool(std::size_t count, const Job& job, const Progress& progress)
      : job_(job), progress_(progress), errors_(count), shares_(count, 0) {}

  // Indices are handed out in order and a started job is always finished: when one fails,
  // all before it have been started, so the first error in index order is always the same one.
  void work() {
    for (std::size_t i = next_++; i < errors_.size() && !failed_; i = next_++) {
      try {
        job_(i, [this, i](double share) { tell(i, share); });
        tell(i, 1);
      } catch (...) {
        errors_[i] = std::current_exception();
        failed_ = true;
      }
    }
  }

  void rethrow() const {
    for (const std::exception_ptr& error : errors_)
      if (error) std::rethrow_exception(error);
  }

 private:
  void tell(std::size_t index, double share) {
    if (!progress_) return;
    const std::lock_guard<std::mutex> one_at_a_time(mutex_);
    sum_ += std::max(share, 0.0) - shares_[index];
    shares_[index] = std::max(share, 0.0);
    progress_(sum_ / static_cast<double>(shares_.size()));
  }

  const Job& job_;
  const Progress& progress_;
  std::vector<std::exception_ptr> errors_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // of what follows
  std::vector<double> shares_;
  double sum_ = 0;
};

}  // namespace

void run_jobs(std::size_t count, std::size_t threads, const Job& job, const Progress& progress) {
  Pool pool(count, job, progress);
  std::vector<std::thread> helpers;
  const std::size_t useful = std::min(threads, count);
  for (std::size_t i = 1; i < useful; ++i) helpers.emplace_back([&pool] { pool.work(); });
  pool.work();  // this thread is one of them
  for (std::thread& helper : helpers) helper.join();
  pool.rethrow();
}

std::vector<Report> run_all(const std::vector<Simulation>& simulations, std::size_t threads,
                            const Progress& progress) {
  std::vector<Report> reports(simulations.size());
  run_jobs(
      simulations.size(), threads,
      [&](std::size_t i, const Progress& own) { reports[i] = simulations[i](own); }, progress);
  return reports;
}

}  // namespace kvsim
