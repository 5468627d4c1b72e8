#pragma once
// How often a test repeats a random experiment. Sanitizers make each several times slower and
// look for other bugs than numbers find: a fifth will do there, or `sanitized`. Tolerances of
// statistics belong to the number: an error falls with its square root.

namespace kvsim {

template <typename Int>
[[nodiscard]] constexpr Int repetitions([[maybe_unused]] Int usual,
                                        [[maybe_unused]] Int sanitized) {
#if defined(__SANITIZE_ADDRESS__)
  return sanitized;
#else
  return usual;
#endif
}
template <typename Int>
[[nodiscard]] constexpr Int repetitions(Int usual) {
  return repetitions(usual, usual / 5);
}

}  // namespace kvsim
