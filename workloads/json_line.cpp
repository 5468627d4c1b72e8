#include "workloads/json_line.h"

#include <string>

namespace kvsim {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

bool JsonLine::open(char bracket, char closing) {
  space();
  if (here() != bracket) expected(fmt::format("'{}'", bracket));
  ++at_;
  space();
  if (here() != closing) return true;
  ++at_;
  return false;
}

bool JsonLine::next(char closing) {
  space();
  if (here() == closing) {
    ++at_;
    return false;
  }
  if (here() != ',') expected(fmt::format("',' or '{}'", closing));
  ++at_;
  space();
  return true;
}

std::string_view JsonLine::key() {
  const std::size_t first = at_;
  string();
  const std::string_view name = text_.substr(first + 1, at_ - first - 2);
  space();
  if (here() != ':') expected("':'");
  ++at_;
  space();
  return name;
}

FieldText JsonLine::scalar(std::string_view name) {
  const std::size_t first = at_;
  switch (here()) {
    case '"':
      string();
      break;
    case 't':
      literal("true");
      break;
    case 'f':
      literal("false");
      break;
    case 'n':
      literal("null");
      break;
    case '{':
    case '[':
      fail(fmt::format("{}: expected a number or a string, got '{}'", name, here()));
    default:
      number();
  }
  return {input_, first + 1, name, text_.substr(first, at_ - first)};
}

bool JsonLine::null() {
  if (here() != 'n') return false;
  literal("null");
  return true;
}

// Brackets are kept on a stack of our own: a line of a million '[' must not overflow the program's.
void JsonLine::skip() {
  std::string closing;
  do {
    if (here() == '{' || here() == '[') {
      const bool object = here() == '{';
      if (open(here(), object ? '}' : ']')) {
        closing.push_back(object ? '}' : ']');
        if (object) (void)key();
        continue;
      }
    } else {
      (void)scalar("value");
    }
    while (!closing.empty() && !next(closing.back())) closing.pop_back();
    if (!closing.empty() && closing.back() == '}') (void)key();
  } while (!closing.empty());
}

void JsonLine::end() {
  space();
  if (at_ < text_.size()) fail("expected the end of the line");
}

void JsonLine::expected(std::string_view what) const {
  fail(fmt::format("{}expected {}", at_ >= text_.size() ? "the line stops short: " : "", what));
}

void JsonLine::string() {
  if (here() != '"') expected("a string");
  for (++at_; here() != '"'; ++at_) {
    if (at_ >= text_.size()) fail("the line stops short inside a string");
    if (static_cast<unsigned char>(here()) < ' ') fail("a control character inside a string");
    if (here() != '\\') continue;
    ++at_;
    if (here() == 'u') {
      for (int i = 0; i < 4; ++i) {
        ++at_;
        if (!is_hex(here())) fail("expected four hex digits after '\\u'");
      }
    } else if (here() == '\0' ||
               std::string_view("\"\\/bfnrt").find(here()) == std::string_view::npos) {
      fail("no such escape in a string");
    }
  }
  ++at_;
}

void JsonLine::number() {
  const auto digits = [this] {
    if (!is_digit(here())) expected("a value");
    while (is_digit(here())) ++at_;
  };
  if (here() == '-') ++at_;
  if (here() == '0') {
    ++at_;
  } else {
    digits();
  }
  if (here() == '.') {
    ++at_;
    digits();
  }
  if (here() == 'e' || here() == 'E') {
    ++at_;
    if (here() == '+' || here() == '-') ++at_;
    digits();
  }
}

void JsonLine::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) expected("a value");
  at_ += word.size();
}

void JsonLine::space() {
  while (here() == ' ' || here() == '\t' || here() == '\r' || here() == '\n') ++at_;
}

}  // namespace kvsim
