// DeviceMemory of the CPU machine: the host's.
#include <cstring>
#include <new>

#include "kernels/calibrate/check/memory.h"

namespace kvsim::calibrate {
namespace {

constexpr std::align_val_t kAlignment{256};

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes)
    : data_(::operator new(bytes, kAlignment)), bytes_(bytes) {}

DeviceMemory::~DeviceMemory() { ::operator delete(data_, kAlignment); }

void DeviceMemory::upload(const void* from, std::size_t bytes, std::size_t offset) {
  if (bytes > 0) std::memcpy(as<std::byte>() + offset, from, bytes);
}

void DeviceMemory::download(void* to, std::size_t bytes, std::size_t offset) const {
  if (bytes > 0) std::memcpy(to, as<std::byte>() + offset, bytes);
}

void DeviceMemory::fill(std::uint8_t byte) { std::memset(data_, byte, bytes_); }

PinnedMemory::PinnedMemory(std::size_t bytes) : data_(::operator new(bytes, kAlignment)) {}

PinnedMemory::~PinnedMemory() { ::operator delete(data_, kAlignment); }

void on_own_stream(const std::function<void(gpu::Stream)>& work) { work({}); }

void wait_for_device() {}

}  // namespace kvsim::calibrate
