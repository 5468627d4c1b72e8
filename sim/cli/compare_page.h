#pragma once
// The page of `kvsim compare --html FILE`: watches the runs while they go, and draws them together.

#include <map>
#include <memory>
#include <span>
#include <string>

#include "reports/atomic_file.h"
#include "reports/comparison.h"
#include "reports/html/recorder.h"
#include "sim/core/config_view.h"

namespace kvsim {

class ComparePage {
 public:
  /// Throws InputError if the file cannot be written: before any run.
  explicit ComparePage(const std::string& path) : file_(path) {}

  /// Who watches the run called `label`. Before the runs start; labels differ.
  [[nodiscard]] std::span<Observer* const> watch(const std::string& label,
                                                 const ConfigView& config);
  /// Runs that nobody watched are drawn from their summaries. Throws InputError.
  void commit(std::span<const Variant> variants, const Column& about);

 private:
  struct Watched {
    std::unique_ptr<Recorder> recorder;
    ConfigView config;
  };
  AtomicFile file_;
  std::map<std::string, Watched> watched_;
};

}  // namespace kvsim
