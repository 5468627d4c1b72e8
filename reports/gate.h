#pragma once
// The outcome of `kvsim check`: every finding, and the one line that explains them; as a terminal's
// table, as Markdown for a pull request, as JUnit XML for a CI system.

#include <cstddef>
#include <string>
#include <vector>

#include "reports/finding.h"

namespace kvsim {

struct Gate {
  std::string run;  ///< What was checked, as the user called it.
  std::vector<Finding> findings;
  std::string why;      ///< The figures behind it; may be empty.
  std::string pointer;  ///< What to type for more.

  [[nodiscard]] std::size_t count(Finding::Outcome outcome) const;
  [[nodiscard]] bool crossed() const { return count(Finding::Outcome::kCrossed) > 0; }
};

/// One line if all is well; otherwise a row per crossed figure, the worst first, and why.
[[nodiscard]] std::string gate_table(const Gate& gate);
/// At most `limit` bytes: rows that do not fit are counted instead. GitHub shows summaries < 1 MiB.
[[nodiscard]] std::string gate_markdown(const Gate& gate, std::size_t limit = 1'000'000);
/// One test case per finding. Without times: equal runs give equal bytes.
[[nodiscard]] std::string gate_junit(const Gate& gate);

}  // namespace kvsim
