#include "kernels/calibrate/host/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace kvsim::calibrate {
namespace {

constexpr int kDeepest = 64;  // lists in lists; more is no file of ours

void write_string(const std::string& text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_number(double value, std::string& out) {
  if (!std::isfinite(value)) throw JsonError("a number that is not finite cannot be written");
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, error == std::errc() ? end : digits);
}

/// Recursive descent over the grammar of RFC 8259.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = this->value(0);
    skip();
    if (at_ < text_.size()) fail("expected nothing after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<long>(at_), '\n');
    throw JsonError("line " + std::to_string(line) + ": " + problem);
  }

  void skip() {
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else if (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Json value(int depth) {
    if (depth > kDeepest) fail("nested too deep");
    skip();
    if (at_ >= text_.size()) fail("expected a value, got the end");
    const char c = text_[at_];
    if (c == '{') return object(depth);
    if (c == '[') return list(depth);
    if (c == '"') return string();
    if (take("true")) return true;
    if (take("false")) return false;
    if (take("null")) return {};
    return number();
  }

  Json object(int depth) {
    Json object = Json::object();
    ++at_;
    if (take('}')) return object;
    do {
      skip();
      if (at_ >= text_.size() || text_[at_] != '"') fail("expected a key");
      const std::string key = string();
      if (!take(':')) fail("expected ':'");
      object[key] = value(depth + 1);
    } while (take(','));
    if (!take('}')) fail("expected ',' or '}'");
    return object;
  }

  Json list(int depth) {
    Json list = Json::list();
    ++at_;
    if (take(']')) return list;
    do list.push(value(depth + 1));
    while (take(','));
    if (!take(']')) fail("expected ',' or ']'");
    return list;
  }

  std::string string() {
    std::string out;
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      const char c = text_[at_++];
      out += c == '\\' ? escaped() : std::string(1, c);
    }
    if (at_ >= text_.size()) fail("a string without an end");
    ++at_;
    return out;
  }

  std::string escaped() {
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const std::size_t found = kFrom.find(c);
    if (c != '\0' && found != std::string_view::npos) return std::string(1, kTo[found]);
    unsigned code = 0;
    const char* first = text_.data() + std::min(at_, text_.size());
    const char* last = first + std::min<std::size_t>(4, text_.size() - std::min(at_, text_.size()));
    if (c != 'u' || std::from_chars(first, last, code, 16).ptr != first + 4)
      fail("no such escape in a string");
    at_ += 4;
    return utf8(code);
  }

  /// Of the basic plane; halves of surrogate pairs, which none of our files has, one by one.
  static std::string utf8(unsigned code) {
    const auto byte = [](unsigned bits) { return static_cast<char>(bits); };
    if (code < 0x80) return {byte(code)};
    if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
  }

  Json number() {
    double value = 0;
    const char* first = text_.data() + at_;
    const char* last = text_.data() + text_.size();
    const bool starts = *first == '-' || (*first >= '0' && *first <= '9');
    const auto [end, error] = std::from_chars(first, last, value);
    if (!starts || error != std::errc() || !std::isfinite(value)) fail("expected a value");
    at_ += static_cast<std::size_t>(end - first);
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct Writer {
  std::string& out;
  void operator()(std::monostate /*null*/) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(double value) const { write_number(value, out); }
  void operator()(const std::string& value) const { write_string(value, out); }
  void operator()(const Json::List& list) const {
    out += '[';
    for (const Json& item : list) {
      if (&item != list.data()) out += ',';
      out += item.text();
    }
    out += ']';
  }
  void operator()(const Json::Object& object) const {
    out += '{';
    for (const Json::Member& member : object) {
      if (&member != object.data()) out += ',';
      write_string(member.first, out);
      out += ':';
      out += member.second.text();
    }
    out += '}';
  }
};

template <class T, class Value>
auto& as(Value& value, const char* kind) {
  auto* held = std::get_if<T>(&value);
  if (held == nullptr) throw JsonError(std::string("expected ") + kind);
  return *held;
}

}  // namespace

Json Json::object(std::initializer_list<Member> members) {
  Json object;
  object.value_ = Object(members);
  return object;
}

Json Json::parse(std::string_view text) { return Parser(text).document(); }

std::string Json::text() const {
  std::string out;
  std::visit(Writer{out}, value_);
  return out;
}

double Json::number() const { return as<double>(value_, "a number"); }
const std::string& Json::string() const { return as<std::string>(value_, "a string"); }
const Json::List& Json::items() const { return as<List>(value_, "a list"); }
const Json::Object& Json::members() const { return as<Object>(value_, "an object"); }

void Json::push(Json item) {
  if (is_null()) value_ = List{};
  as<List>(value_, "a list").push_back(std::move(item));
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : members())
    if (member.first == key) return &member.second;
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) throw JsonError("no key '" + std::string(key) + "'");
  return *found;
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) value_ = Object{};
  auto& object = as<Object>(value_, "an object");
  for (Member& member : object)
    if (member.first == key) return member.second;
  return object.emplace_back(std::string(key), Json()).second;
}

std::string document_text(const Json& object) {
  std::string out = "{";
  const char* comma = "\n";
  for (const auto& [key, value] : object.members()) {
    out += comma;
    comma = ",\n";
    write_string(key, out);
    out += ": ";
    if (!value.is_list() || value.items().empty()) {
      out += value.text();
      continue;
    }
    for (const Json& item : value.items()) {
      out += &item == value.items().data() ? "[\n" : ",\n";
      out += item.text();
    }
    out += ']';
  }
  return out + "\n}\n";
}

}  // namespace kvsim::calibrate
