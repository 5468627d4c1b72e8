#include "sim/cli/sweep/sweep_folder.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/atomic_file.h"
#include "sim/cli/config_file.h"
#include "sim/core/hash.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int kSchemaVersion = 1;

std::string in(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

std::string digest_of(const std::string& text) {
  Digest digest;
  digest.add(text);
  return fmt::format("{:016x}", digest.value());
}

Json head_of(const std::string& manifest, std::size_t points) {
  return {{"schema_version", kSchemaVersion},
          {"version", KVSIM_VERSION},
          {"points", points},
          {"manifest_digest", digest_of(manifest)}};
}

// Absolute, and without a slash at the end.
std::string root_of(const std::string& path) {
  return (fs::absolute(path) / "").lexically_normal().parent_path().string();
}

// "0.1.0" of a head that has one, for errors.
std::string version_in(const Json& head) {
  const Json version = head.is_object() ? head.value("version", Json()) : Json();
  return version.is_string() ? version.get<std::string>() : "of an unknown version";
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw InputError(path, "cannot create the folder", error.message());
}

}  // namespace

SweepFolder::SweepFolder(std::string path) : path_(std::move(path)), root_(root_of(path_)) {
  const std::string head_file = in(path_, "sweep.json");
  if (!is_sweep_folder(path_))
    throw InputError(path_, "sweep.json", "not there; expected a folder of kvsim sweep plan --out");
  const Json head = parse_json(read_text_file(head_file), head_file);
  if (version_in(head) != KVSIM_VERSION)
    throw InputError(head_file, "/version",
                     fmt::format("planned by kvsim {}, and this is {}: run that one, or plan again "
                                 "into a new folder",
                                 version_in(head), KVSIM_VERSION));
  const std::string manifest_file = in(path_, "manifest.jsonl");
  const std::string manifest = read_text_file(manifest_file);
  digest_ = digest_of(manifest);
  const auto lines = std::count(manifest.begin(), manifest.end(), '\n');
  if (head != head_of(manifest, static_cast<std::size_t>(lines)))
    throw InputError(manifest_file, "edited",
                     "not what sweep.json was written with: plan again into a new folder");
  points_ = parse_manifest(manifest, manifest_file);
}

ConfigView SweepFolder::config(const SweepPoint& point) const {
  return config_of(point, in(root_, fmt::format("manifest.jsonl:{}", point.index + 1)));
}

std::string SweepFolder::result_file(const SweepPoint& point) const {
  return in(path_, fmt::format("results/{}.json", point.id));
}

std::vector<std::string> SweepFolder::foreign_results() const {
  std::set<std::string> own;
  for (const SweepPoint& point : points_) own.insert(point.id + ".json");
  std::vector<std::string> foreign;
  std::error_code error;
  for (fs::directory_iterator at(in(path_, "results"), error), end; !error && at != end;
       at.increment(error))
    if (at->path().extension() == ".json" && !own.contains(at->path().filename().string()))
      foreign.push_back(at->path().string());
  std::sort(foreign.begin(), foreign.end());
  return foreign;
}

void SweepFolder::check_inputs(const std::vector<const SweepPoint*>& points) const {
  std::set<std::string> checked;
  for (const SweepPoint* point : points) {
    for (const auto& [pointer, planned] : point->inputs.items()) {
      const std::string file = in(path_, point->config[pointer].get<std::string>());
      if (!checked.insert(file).second) continue;
      const std::string found = file_digest(file);
      if (found != planned)
        throw InputError(file, "changed",
                         fmt::format("its digest is {}, and {} was planned with: plan again into a "
                                     "new folder",
                                     found, planned.get<std::string>()));
    }
  }
}

std::string SweepFolder::without_path(std::string text) const {
  const std::string prefix = root_ + "/";
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at))
    text.erase(at, prefix.size());
  return text;
}

void SweepFolder::clear_leftovers() const {
  constexpr std::chrono::hours kDead{1};
  std::error_code error;
  for (fs::directory_iterator at(in(path_, "results"), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() != ".part") continue;
    std::error_code gone;
    const fs::file_time_type written = fs::last_write_time(at->path(), gone);
    if (!gone && fs::file_time_type::clock::now() - written > kDead) fs::remove(at->path(), gone);
  }
}

bool is_sweep_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(in(path, "sweep.json"), ignored);
}

void write_sweep_folder(const std::string& path, const std::vector<SweepPoint>& points,
                        const InputFiles& inputs) {
  std::error_code ignored;
  const bool was_there = fs::exists(path, ignored);
  try {
    make_folder(in(path, "results"));
    inputs.copy_to(path);
    const std::string manifest = manifest_text(points);
    write_file(in(path, "manifest.jsonl"), manifest);
    write_file(in(path, "sweep.json"), head_of(manifest, points.size()).dump(2) + "\n");
  } catch (...) {
    if (!was_there) fs::remove_all(path, ignored);
    throw;
  }
}

}  // namespace kvsim
