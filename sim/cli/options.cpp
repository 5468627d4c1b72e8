#include "sim/cli/options.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;

std::vector<std::string> long_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  return names;
}

}  // namespace

std::optional<po::variables_map> parse_options(std::string_view verb, std::string_view usage,
                                               const po::options_description& visible,
                                               Arguments arguments) {
  const std::string program = fmt::format("kvsim {}", verb);
  po::options_description shown = visible;
  shown.add_options()("help,h", "this text");
  po::options_description all = shown;
  all.add_options()("positional", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("positional", -1);
  po::variables_map values;
  try {
    using Style = po::command_line_style::style_t;
    const auto exact =
        static_cast<int>(Style::unix_style) & ~static_cast<int>(Style::allow_guessing);
    po::store(po::command_line_parser({arguments.begin(), arguments.end()})
                  .options(all)
                  .positional(positional)
                  .style(exact)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    throw InputError(program, error.get_option_name(),
                     "unknown option" + did_you_mean(error.get_option_name(), long_names(shown)) +
                         fmt::format("; see kvsim {} --help", verb));
  } catch (const po::error& error) {
    throw InputError(program, "options",
                     fmt::format("{}; see kvsim {} --help", error.what(), verb));
  }
  if (values.count("help") == 0) return values;
  std::ostringstream text;
  text << shown;
  fmt::print("usage: kvsim {} {}\n{}", verb, usage, text.str());
  return std::nullopt;
}

std::vector<std::string> positional(const po::variables_map& given, std::string_view verb,
                                    std::string_view names) {
  std::vector<std::string> values;
  if (given.count("positional") != 0) values = given["positional"].as<std::vector<std::string>>();
  const auto wanted = static_cast<std::size_t>(std::count(names.begin(), names.end(), ' ')) + 1;
  if (values.size() != wanted)
    throw InputError(
        fmt::format("kvsim {}", verb), "arguments",
        fmt::format("expected {}, got {}; see kvsim {} --help", names, values.size(), verb));
  return values;
}

std::int64_t count_from(const po::variables_map& values, const char* option, std::string_view verb,
                        std::int64_t otherwise, std::int64_t most) {
  if (values.count(option) == 0) return otherwise;
  const auto count = values[option].as<std::int64_t>();
  if (count < 1 || count > most)
    throw InputError(fmt::format("kvsim {}", verb), fmt::format("--{}", option),
                     fmt::format("expected 1 to {}, got {}", most, count));
  return count;
}

std::size_t threads_from(const po::variables_map& values, std::string_view verb) {
  if (values.count("jobs") == 0) return std::max(1U, std::thread::hardware_concurrency());
  const int jobs = values["jobs"].as<int>();
  if (jobs < 1) throw InputError(fmt::format("kvsim {}", verb), "--jobs", "expected 1 or more");
  return static_cast<std::size_t>(jobs);
}

}  // namespace kvsim
