#pragma once
// The folder of a sweep: all that a worker needs, on any machine that sees it.
//
//     sweep.json       what the manifest is; written last, so a folder with it is planned to the
//     end manifest.jsonl   the points inputs/          the files they read, by content
//     results/ID.json  a point's outcome; appears complete or not at all
//
// One folder, one plan, one version of the program: nobody has to wonder what a result belongs to.

#include <string>
#include <vector>

#include "sim/cli/sweep/inputs.h"
#include "sim/cli/sweep/manifest.h"
#include "sim/core/config_view.h"

namespace kvsim {

class SweepFolder {
 public:
  /// Opens a planned one. Throws InputError if it is none, was edited, or belongs to another
  /// version of this program.
  explicit SweepFolder(std::string path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<SweepPoint>& points() const { return points_; }
  /// Of the manifest's bytes, 16 hex digits: which plan this is.
  [[nodiscard]] const std::string& digest() const { return digest_; }
  /// What the point runs, reading its inputs from here.
  [[nodiscard]] ConfigView config(const SweepPoint& point) const;
  [[nodiscard]] std::string result_file(const SweepPoint& point) const;
  /// Results of points that are none of this plan's, sorted.
  [[nodiscard]] std::vector<std::string> foreign_results() const;
  /// Reads every input that `points` name. Throws InputError if one is not what was planned with.
  void check_inputs(const std::vector<const SweepPoint*>& points) const;
  /// Removes what workers that died an hour ago or more left half-written. A live one's is renamed
  /// within moments.
  void clear_leftovers() const;
  /// `text` without this folder's path, which is another one on every machine.
  [[nodiscard]] std::string without_path(std::string text) const;

 private:
  std::string path_;
  std::string root_;  // absolute
  std::string digest_;
  std::vector<SweepPoint> points_;
};

/// Is there a plan, whole or not, in this folder?
[[nodiscard]] bool is_sweep_folder(const std::string& path);
/// Makes the folder. If it was made here and something cannot be written, it is gone again.
void write_sweep_folder(const std::string& path, const std::vector<SweepPoint>& points,
                        const InputFiles& inputs);

}  // namespace kvsim
