#pragma once
// What a benchmark of ours is: named figures, each measured in a process of its own.
//
// A process of its own starts with an empty heap, so its peak memory is that of what it measures,
// and no row owes its speed to the one before. Times are CPU time of that process: a busy neighbour
// costs cache and clock, not the wait for a turn.

#include <functional>
#include <string>
#include <vector>

namespace kvsim::perf {

struct Figure {
  std::string what;  ///< "free", "peak memory"; empty if there is but one.
  double value = 0;
  std::string unit;
};
using Figures = std::vector<Figure>;

class Bench {
 public:
  struct Wishes {
    std::string filter;  ///< Only rows whose name holds this.
    bool all = false;    ///< The long ones too.
  };
  explicit Bench(Wishes wishes) : wishes_(std::move(wishes)) {}

  /// "SUBJECT name: what" becomes a row for each figure of `body`, which runs in a child process.
  /// Returns the figures; none if the filter leaves the name out. Throws if the child fails.
  Figures measure(const std::string& name, const std::function<Figures()>& body);
  /// A row made of others: how many times `numerator` is `denominator`. Nothing if one is missing.
  void ratio(const std::string& name, const Figures& numerator, const Figures& denominator,
             const std::string& what);
  [[nodiscard]] bool long_ones() const { return wishes_.all; }

  void begin(std::string subject) { subject_ = std::move(subject); }
  /// All rows as JSON: what github-action-benchmark reads.
  [[nodiscard]] std::string json() const;

 private:
  void add(const std::string& name, const Figure& figure);

  Wishes wishes_;
  std::string subject_;
  Figures rows_;  // by full name
};

/// CPU seconds of this process since it was made.
class Stopwatch {
 public:
  Stopwatch() : start_(now()) {}
  [[nodiscard]] double seconds() const { return now() - start_; }

 private:
  static double now();
  double start_;
};

/// The most memory this process ever had resident.
[[nodiscard]] Figure peak_memory();

/// What one file measures. A file adds itself with `const Subject kName{"subject", function};`.
struct Subject {
  Subject(std::string name, void (*run)(Bench&));
};
/// Runs every subject, in the order of their names.
void run_subjects(Bench& bench);

}  // namespace kvsim::perf
