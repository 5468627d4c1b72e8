#include "sim/cli/console.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

constexpr int kWidth = 40;  // of the progress bar

}  // namespace

void print_result(std::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0)
    throw InputError("stdout", "cannot write", std::generic_category().message(errno));
}

bool colour_wanted() {
  const char* refused = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (refused == nullptr || *refused == '\0');
}

ProgressBar::ProgressBar()
    : terminal_(isatty(STDERR_FILENO) != 0), next_(Clock::now() + std::chrono::seconds(1)) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(double share) {
  const Clock::time_point now = Clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  drawn_ = true;
  if (share < 0) {
    std::fputs("\r\x1b[Krunning ...", stderr);
    return;
  }
  const double done = std::min(share, 1.0);
  const int filled = static_cast<int>(done * kWidth);
  std::fputs(fmt::format("\r\x1b[K[{:<{}}] {:3.0f} %",
                         std::string(static_cast<std::size_t>(filled), '#'), kWidth, 100 * done)
                 .c_str(),
             stderr);
}

Progress ProgressBar::callback() {
  if (!terminal_) return {};
  return [this](double share) { show(share); };
}

}  // namespace kvsim
