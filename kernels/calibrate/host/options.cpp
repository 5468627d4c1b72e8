#include "kernels/calibrate/host/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace kvsim::calibrate {
namespace {

constexpr std::array kFamilies{"ceilings", "decode", "mixed",   "contiguous",  "pages",   "heads",
                               "formats",  "window", "cascade", "mla",         "prefill", "append",
                               "copy",     "swap",   "gemm",    "elementwise", "steps"};

std::string joined(std::span<const char* const> words) {
  std::string text;
  for (const char* word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

template <class Number>
Number number(const std::string& option, const std::string& text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    std::ostringstream expected;
    expected << option << ": expected " << least << " to " << most << ", got '" << text << "'";
    throw BadInput(expected.str());
  }
  return value;
}

std::vector<std::string> family_list(const std::string& text) {
  std::vector<std::string> list;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    if (std::find(kFamilies.begin(), kFamilies.end(), word) == kFamilies.end())
      throw BadInput("--only: no family named '" + word + "'; known: " + joined(kFamilies));
    list.push_back(word);
  }
  if (list.empty()) throw BadInput("--only: expected families; known: " + joined(kFamilies));
  return list;
}

/// Goes through the arguments; `--option value` and `--option=value` are the same.
class Words {
 public:
  explicit Words(std::span<const char* const> words) {
    for (const std::string word : words) {
      const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
      words_.push_back(word.substr(0, equals));
      if (equals != std::string::npos) words_.push_back(word.substr(equals + 1));
    }
  }
  [[nodiscard]] bool more() const { return next_ < words_.size(); }
  const std::string& take() { return words_[next_++]; }
  const std::string& value_of(const std::string& option) {
    if (!more()) throw BadInput(option + ": expected a value after it");
    return take();
  }

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
};

}  // namespace

std::span<const char* const> families() { return kFamilies; }

bool Options::wants(const std::string& family) const {
  return only.empty() || std::find(only.begin(), only.end(), family) != only.end();
}

Options parse_options(std::span<const char* const> arguments) {
  constexpr double kLeastBudget = 10;
  constexpr double kMostBudget = 1e6;
  Options options;
  Words words(arguments);
  const auto choose = [&options](Options::Action action) {
    if (options.action != Options::Action::kCalibrate && options.action != action)
      throw BadInput("--self-check, --bench and --validate are one at a time");
    options.action = action;
  };
  while (words.more()) {
    const std::string word = words.take();
    if (word == "--help") {
      options.action = Options::Action::kHelp;
      return options;
    }
    if (word == "--self-check") {
      choose(Options::Action::kSelfCheck);
    } else if (word == "--bench") {
      choose(Options::Action::kBench);
    } else if (word == "--validate") {
      choose(Options::Action::kValidate);
      options.run_folder = words.value_of(word);
    } else if (word == "--dry-run") {
      options.dry_run = true;
    } else if (word == "--out") {
      options.out = words.value_of(word);
    } else if (word == "--model") {
      options.model = words.value_of(word);
    } else if (word == "--only") {
      options.only = family_list(words.value_of(word));
    } else if (word == "--budget-s") {
      options.budget = number(word, words.value_of(word), kLeastBudget, kMostBudget);
    } else if (word == "--seed") {
      options.seed = number<std::uint64_t>(word, words.value_of(word), 0, 1ull << 53);
    } else {
      throw BadInput("no option named '" + word + "'; see --help");
    }
  }
  return options;
}

std::string usage() {
  return "kvsim-calibrate [options]: times kvsim's kernels on this machine's GPU\n"
         "\n"
         "Without an action: times everything and writes a cost profile.\n"
         "  --self-check         compare every kernel with a reference in double, time nothing\n"
         "  --bench              the shapes of published tables: our time beside theirs\n"
         "  --validate RUN_DIR   run sampled steps of a simulation (kvsim run --out RUN_DIR\n"
         "                       --steps N) on the GPU: predicted against measured\n"
         "options\n"
         "  --out FILE           default configs/costs/<device>.json; of --bench and --validate:\n"
         "                       the same as JSON, not written by default\n"
         "  --budget-s S         stop timing after S seconds and write what is there (480)\n"
         "  --only A,B           only these families: " +
         joined(kFamilies) +
         "\n"
         "  --model FILE         config.json of the model whose steps are timed\n"
         "  --seed N             of data, page tables and mixed batches (1)\n"
         "  --dry-run            print the shapes and the time they should take; needs no GPU\n";
}

}  // namespace kvsim::calibrate
