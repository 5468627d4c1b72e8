#include "workloads/text_output.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <zlib.h>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {
constexpr std::size_t kChunk = std::size_t{256} << 10;
}

// Exactly one of the two is open. zlib can write plain files too ("T"), but not report a full disk
// before it closes; stdio can.
struct TextOutput::Sink {
  gzFile packed = nullptr;
  std::FILE* plain = nullptr;
};

TextOutput::TextOutput(std::string path) : path_(std::move(path)), sink_(std::make_unique<Sink>()) {
  if (path_ == "-") {
    sink_->plain = stdout;
    return;
  }
  aside_ = fmt::format("{}.{}.tmp", path_, ::getpid());
  if (path_.ends_with(".gz")) {
    sink_->packed = ::gzopen(aside_.c_str(), "wbe");
  } else {
    sink_->plain = std::fopen(aside_.c_str(), "wbe");
  }
  if (sink_->packed == nullptr && sink_->plain == nullptr) {
    aside_.clear();
    fail("cannot write");
  }
}

TextOutput::~TextOutput() {
  if (sink_->packed != nullptr) ::gzclose_w(sink_->packed);
  if (aside_.empty()) return;
  if (sink_->plain != nullptr) (void)std::fclose(sink_->plain);
  (void)std::remove(aside_.c_str());
}

void TextOutput::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kChunk) flush();
}

void TextOutput::flush() {
  if (buffer_.empty()) return;
  errno = 0;
  const std::size_t written = sink_->packed != nullptr
                                  ? ::gzfwrite(buffer_.data(), 1, buffer_.size(), sink_->packed)
                                  : std::fwrite(buffer_.data(), 1, buffer_.size(), sink_->plain);
  if (written != buffer_.size()) fail("cannot write");
  buffer_.clear();
}

void TextOutput::finish() {
  flush();
  if (aside_.empty()) {
    if (std::fflush(stdout) != 0) fail("cannot write");
    return;
  }
  bool closed = false;
  errno = 0;
  if (sink_->packed != nullptr) {
    closed = ::gzclose_w(sink_->packed) == Z_OK;
    sink_->packed = nullptr;
  } else {
    closed = std::fclose(sink_->plain) == 0;
    sink_->plain = nullptr;
  }
  if (!closed || std::rename(aside_.c_str(), path_.c_str()) != 0) fail("cannot write");
  aside_.clear();
}

void TextOutput::fail(std::string_view doing) const {
  throw InputError(path_ == "-" ? "stdout" : path_, doing, std::strerror(errno));
}

}  // namespace kvsim
