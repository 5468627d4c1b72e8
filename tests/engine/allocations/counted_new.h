#pragma once
// Counts what a program asks the heap for: counted_new.cpp replaces operator new.

#include <cstdint>

namespace kvsim {

/// Calls of operator new so far, by all threads.
[[nodiscard]] std::int64_t allocations();

}  // namespace kvsim
