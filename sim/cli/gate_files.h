#pragma once
// The files `kvsim check` writes for a CI system: JUnit XML, Markdown, benchmark JSON, a baseline.
//
// All are opened before a run starts and appear after it, or not at all.

#include <memory>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "reports/atomic_file.h"
#include "reports/baseline.h"
#include "reports/gate.h"
#include "sim/model/report.h"

namespace kvsim {

class GateFiles {
 public:
  static void declare(boost::program_options::options_description& options);
  /// Opens what `values` ask for. Throws InputError: a file cannot be written, or --markdown has
  /// neither a FILE nor $GITHUB_STEP_SUMMARY to append to.
  explicit GateFiles(const boost::program_options::variables_map& values);

  /// Puts all of them in place. Throws InputError. `updated` is the baseline to write, if one is
  /// asked for.
  void commit(const Gate& gate, const Report& report, const Baseline& updated);

 private:
  using File = std::unique_ptr<AtomicFile>;
  File junit_, markdown_, smaller_, bigger_, baseline_;
  std::string summary_so_far_;  ///< What $GITHUB_STEP_SUMMARY held already.
};

}  // namespace kvsim
