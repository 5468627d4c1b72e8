#pragma once
// Fiber: a function with a stack of its own that can stop in the middle and go on later.
//
// A switch is a dozen instructions on x86-64 (saved registers and the stack pointer, as in
// Boost.Context) and swapcontext() elsewhere. AddressSanitizer is told of every switch
// (sanitizer/common_interface_defs.h), so kernels run under it unchanged.

#include <cstddef>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace kvsim::gpu {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Makes entry(argument) what the next resume() starts; what ran here before is forgotten, its
  /// frames are not unwound. `entry` must not throw.
  void start(void (*entry)(void*), void* argument);
  /// Runs until the fiber suspends or ends. Not from inside a fiber.
  void resume();
  /// Back to whoever resumed. From inside this fiber only.
  void suspend();
  [[nodiscard]] bool done() const { return done_; }

 private:
  static void enter();
  void to_resumer();

  std::byte* stack_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool done_ = true;
#if defined(__x86_64__)
  void* fiber_stack_ = nullptr;  // Saved stack pointers.
  void* resumer_stack_ = nullptr;
#else
  ucontext_t fiber_context_{};
  ucontext_t resumer_context_{};
#endif
  const void* resumer_bottom_ = nullptr;  // For AddressSanitizer.
  std::size_t resumer_size_ = 0;
};

}  // namespace kvsim::gpu
