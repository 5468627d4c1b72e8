#pragma once
// How often a test repeats a random experiment. Sanitizers make each some twenty times slower and
// look for other bugs than numbers find: a fifth will do there.

namespace kvsim {

template <typename Int>
[[nodiscard]] constexpr Int repetitions(Int usual) {
#if defined(__SANITIZE_ADDRESS__)
  return usual / 5;
#else
  return usual;
#endif
}

}  // namespace kvsim
