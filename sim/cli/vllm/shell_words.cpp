#include "sim/cli/vllm/shell_words.h"

#include <optional>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kEnd = "|&;<>";

class Splitter {
 public:
  Splitter(std::string_view text, std::string_view option) : text_(text), option_(option) {}

  std::vector<std::string> words() {
    while (at_ < text_.size() && !ended_) step();
    finish();
    return words_;
  }

 private:
  void step() {
    const char c = text_[at_++];
    if (c == '\\')
      escaped();
    else if (c == '\'' || c == '"')
      quoted(c);
    else if (kBlank.find(c) != std::string_view::npos)
      finish();
    else if (c == '#' && !word_)
      at_ = std::min(text_.find('\n', at_), text_.size());
    else if (kEnd.find(c) != std::string_view::npos)
      end();
    else
      add(c);
  }

  // "2>" is a redirection of the number before it.
  void end() {
    if (word_ && word_->find_first_not_of("0123456789") == std::string::npos) word_.reset();
    ended_ = true;
  }

  void escaped() {
    if (at_ == text_.size()) return;
    const char c = text_[at_++];
    if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
    if (c != '\n' && c != '\r') add(c);
  }

  void quoted(char quote) {
    if (!word_) word_.emplace();
    while (at_ < text_.size() && text_[at_] != quote) {
      const bool escape = quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size() &&
                          std::string_view("\"\\$`").find(text_[at_ + 1]) != std::string_view::npos;
      if (escape) ++at_;
      *word_ += text_[at_++];
    }
    if (at_ == text_.size())
      throw InputError(option_, std::string(1, quote), "a quote that is not closed");
    ++at_;
  }

  void add(char c) {
    if (!word_) word_.emplace();
    *word_ += c;
  }

  void finish() {
    if (word_) words_.push_back(*std::move(word_));
    word_.reset();
  }

  std::string_view text_, option_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::optional<std::string> word_;  // "" is a word too
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> shell_words(std::string_view text, std::string_view option) {
  return Splitter(text, option).words();
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace kvsim
