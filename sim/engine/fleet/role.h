#pragma once
// What a replica does with a request.

#include <cstdint>
#include <string_view>

namespace kvsim {

enum class Role : std::uint8_t {
  kServe,    ///< All of it.
  kPrefill,  ///< The prompt and the first token; then it is handed over.
  kDecode,   ///< The rest.
};

[[nodiscard]] constexpr std::string_view word_of(Role role) {
  if (role == Role::kServe) return "serve";
  return role == Role::kPrefill ? "prefill" : "decode";
}

/// Requires one of the three words.
[[nodiscard]] constexpr Role role_of(std::string_view word) {
  if (word == word_of(Role::kServe)) return Role::kServe;
  return word == word_of(Role::kPrefill) ? Role::kPrefill : Role::kDecode;
}

}  // namespace kvsim
