#pragma once
// ZeroPages: memory for large tables of which only a part may ever be used.
//
// An allocator for std::vector. The system hands out zeroed pages, and only as they are touched; a
// new element is what the zeros say. So a table costs what is used of it, not what it could hold.
// Only for elements whose initial state is all zeros, and tables of many pages.

#include <new>
#include <sys/mman.h>
#include <type_traits>
#include <utility>

namespace kvsim {

template <class T>
struct ZeroPages {
  using value_type = T;

  ZeroPages() = default;
  template <class U>
  explicit ZeroPages(const ZeroPages<U>& /*same*/) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    void* const pages = mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(pages);
  }
  void deallocate(T* pages, std::size_t n) { munmap(pages, n * sizeof(T)); }

  /// Nothing to do: it is zero already.
  void construct(T* /*element*/) { static_assert(std::is_trivially_destructible_v<T>); }

  friend bool operator==(ZeroPages, ZeroPages) { return true; }
};

}  // namespace kvsim
