#include "kernels/gpu/cpu/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
// Saves the callee's registers (System V ABI) on the old stack, changes stacks, and takes them
// back.
extern "C" void kvsim_switch_stack(void** save, void* to);
asm(R"(
.text
.globl kvsim_switch_stack
.hidden kvsim_switch_stack
.type kvsim_switch_stack,@function
kvsim_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size kvsim_switch_stack,.-kvsim_switch_stack
)");
#endif

namespace kvsim::gpu {
namespace {

constexpr std::size_t kStackBytes = 256 << 10;  // Unoptimised kernels have large frames.
constexpr std::size_t kGuardBytes = 4096;

constinit thread_local Fiber* entering = nullptr;

// What the sanitizer must hear before and after a switch of stacks; nothing without it.
void leave_stack([[maybe_unused]] void** fake, [[maybe_unused]] const void* bottom,
                 [[maybe_unused]] std::size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake, bottom, size);
#endif
}
void arrive_on_stack([[maybe_unused]] void* fake, [[maybe_unused]] const void** old_bottom,
                     [[maybe_unused]] std::size_t* old_size) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, old_bottom, old_size);
#endif
}
// Frames that were never left keep their poison.
void forget_frames([[maybe_unused]] std::byte* stack) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack, kStackBytes);
#endif
}

}  // namespace

Fiber::Fiber() {
  void* memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kGuardBytes, PROT_NONE);
  stack_ = static_cast<std::byte*>(memory) + kGuardBytes;
}

Fiber::~Fiber() { munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes); }

void Fiber::start(void (*entry)(void*), void* argument) {
  entry_ = entry;
  argument_ = argument;
  done_ = false;
  forget_frames(stack_);
#if defined(__x86_64__)
  constexpr int kSavedRegisters = 6;
  auto** top = reinterpret_cast<void**>(stack_ + kStackBytes);
  *--top = nullptr;  // No caller, and the alignment a called function expects.
  *--top = reinterpret_cast<void*>(&Fiber::enter);
  for (int i = 0; i < kSavedRegisters; ++i) *--top = nullptr;
  fiber_stack_ = top;
#else
  getcontext(&fiber_context_);
  fiber_context_.uc_stack.ss_sp = stack_;
  fiber_context_.uc_stack.ss_size = kStackBytes;
  fiber_context_.uc_link = nullptr;
  makecontext(&fiber_context_, &Fiber::enter, 0);
#endif
}

void Fiber::enter() {
  Fiber* self = entering;
  arrive_on_stack(nullptr, &self->resumer_bottom_, &self->resumer_size_);
  self->entry_(self->argument_);
  self->done_ = true;
  leave_stack(nullptr, self->resumer_bottom_, self->resumer_size_);
  self->to_resumer();
  std::abort();  // A fiber that is done is not resumed.
}

void Fiber::resume() {
  entering = this;
  void* fake = nullptr;
  leave_stack(&fake, stack_, kStackBytes);
#if defined(__x86_64__)
  kvsim_switch_stack(&resumer_stack_, fiber_stack_);
#else
  swapcontext(&resumer_context_, &fiber_context_);
#endif
  arrive_on_stack(fake, nullptr, nullptr);
}

void Fiber::suspend() {
  void* fake = nullptr;
  leave_stack(&fake, resumer_bottom_, resumer_size_);
  to_resumer();
  arrive_on_stack(fake, &resumer_bottom_, &resumer_size_);
}

void Fiber::to_resumer() {
#if defined(__x86_64__)
  kvsim_switch_stack(&fiber_stack_, resumer_stack_);
#else
  swapcontext(&fiber_context_, &resumer_context_);
#endif
}

}  // namespace kvsim::gpu
