#include "workloads/text_input.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <zlib.h>

namespace kvsim {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr unsigned kZlibBuffer = 128U << 10;

[[noreturn]] void cannot_open(const std::string& path, int error_number) {
  throw InputError(path, "cannot open", std::strerror(error_number));
}

int open_regular(const std::string& path) {
  const int fd = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) cannot_open(path, errno);
  struct stat about {};
  if (::fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
    ::close(fd);
    cannot_open(path, EISDIR);
  }
  return fd;
}

// zlib's gzread passes plain files through, so one reader serves both.
class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const std::string& path) {
    const int fd = open_regular(path);
    struct stat about {};
    if (::fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) size_ = about.st_size;
    file_ = ::gzdopen(fd, "rb");
    if (file_ == nullptr) {
      ::close(fd);
      cannot_open(path, ENOMEM);
    }
    ::gzbuffer(file_, kZlibBuffer);
  }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes() override { ::gzclose_r(file_); }

  std::size_t read(char* to, std::size_t room) override {
    const int got = ::gzread(file_, to, static_cast<unsigned>(room));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  // A gzip file that stops short gives its good part first and complains after it.
  [[nodiscard]] std::string problem() const override {
    int code = Z_OK;
    const std::string what = ::gzerror(file_, &code);
    if (code == Z_OK || code == Z_STREAM_END) return {};
    if (code == Z_BUF_ERROR) return "the gzip data stops short: the file is truncated";
    if (code == Z_ERRNO) return "cannot read: " + what;
    return "the gzip data is damaged";
  }
  [[nodiscard]] double progress() const override {
    if (size_ <= 0) return -1;
    return std::min(1.0, static_cast<double>(::gzoffset(file_)) / static_cast<double>(size_));
  }

 private:
  gzFile file_ = nullptr;
  std::int64_t size_ = -1;
};

class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::string text) : text_(std::move(text)) {}
  std::size_t read(char* to, std::size_t room) override {
    const std::size_t got = text_.copy(to, room, at_);
    at_ += got;
    return got;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\f\v") == std::string_view::npos;
}

}  // namespace

TextInput::TextInput(const std::string& path)
    : TextInput(path == "-" ? "stdin" : path, std::make_unique<FileBytes>(path)) {}

TextInput::TextInput(std::string name, std::unique_ptr<ByteSource> bytes)
    : name_(std::move(name)), bytes_(std::move(bytes)) {}

TextInput TextInput::from_memory(std::string name, std::string text) {
  return {std::move(name), std::make_unique<MemoryBytes>(std::move(text))};
}

bool TextInput::next(std::string_view& line) {
  (void)peek();
  peeked_ = false;
  line = peeked_line_;
  return more_;
}

std::string_view TextInput::peek() {
  if (!peeked_) {
    do {
      more_ = read_line(peeked_line_);
    } while (more_ && blank(peeked_line_));
    peeked_ = true;
    if (more_) digest_.add(peeked_line_);
  }
  return more_ ? peeked_line_ : std::string_view{};
}

void TextInput::fail(std::size_t column, std::string_view problem) const {
  throw InputError(name_, std::max<std::size_t>(line_number_, 1), column, problem);
}

// One line as it stands, without its end; false when nothing is left.
bool TextInput::read_line(std::string_view& line) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::size_t searched = 0;
  std::size_t length = std::string_view::npos;
  while (true) {
    const std::string_view unread(buffer_.data() + begin_, end_ - begin_);
    length = unread.find('\n', searched);
    if (length != std::string_view::npos) break;
    searched = unread.size();
    if (searched > kLongestLine) {
      ++line_number_;
      fail(1, fmt::format("the line is longer than {} MiB", kLongestLine >> 20));
    }
    if (!fill()) break;
  }
  if (length == std::string_view::npos && begin_ == end_) return false;
  ++line_number_;
  const bool ended = length != std::string_view::npos;
  line = std::string_view(buffer_.data() + begin_, ended ? length : end_ - begin_);
  begin_ += line.size() + (ended ? 1 : 0);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line_number_ == 1 && line.starts_with(kByteOrderMark))
    line.remove_prefix(kByteOrderMark.size());
  return true;
}

// Makes room behind the unread bytes and reads more; false at the end of the file.
bool TextInput::fill() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + kChunk) buffer_.resize(std::max(end_ + kChunk, 2 * end_));
  const std::size_t got = bytes_->read(buffer_.data() + end_, kChunk);
  end_ += got;
  if (got == 0) {
    const std::string problem = bytes_->problem();
    ++line_number_;
    if (!problem.empty()) fail(1, problem);
    --line_number_;
  }
  return got != 0;
}

}  // namespace kvsim
