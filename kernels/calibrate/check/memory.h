#pragma once
// Memory and streams of the device that runs the kernels: a GPU's, or on the CPU machine the host's
// own.
// One header, two implementations: whoever links chooses.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "kernels/gpu/launch.h"

namespace kvsim::calibrate {

class DeviceMemory {
 public:
  DeviceMemory() = default;
  /// Uninitialised, aligned to 256 bytes. Throws BadInput if there is not so much.
  explicit DeviceMemory(std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept { swap(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] void* data() const { return data_; }
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(data_);
  }

  // Each returns when it is done. Requires offset + bytes <= size().
  void upload(const void* from, std::size_t bytes, std::size_t offset = 0);
  void download(void* to, std::size_t bytes, std::size_t offset = 0) const;
  void fill(std::uint8_t byte);

  /// Memory that holds these.
  template <class T>
  [[nodiscard]] static DeviceMemory with(const std::vector<T>& values) {
    DeviceMemory memory(std::max<std::size_t>(1, values.size()) * sizeof(T));
    memory.upload(values.data(), values.size() * sizeof(T));
    return memory;
  }
  /// Its first `count` values.
  template <class T>
  [[nodiscard]] std::vector<T> read(std::size_t count) const {
    std::vector<T> values(count);
    download(values.data(), count * sizeof(T));
    return values;
  }

 private:
  void swap(DeviceMemory& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Host memory that the device reaches by itself: pinned and mapped.
class PinnedMemory {
 public:
  explicit PinnedMemory(std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
};

/// Queues `work` on a stream that is not the null stream, which refuses a batch of copies, and
/// waits for it. It begins after all uploads and fills before it.
void on_own_stream(const std::function<void(gpu::Stream)>& work);

/// Waits for all that was queued. Throws std::runtime_error if any of it failed.
void wait_for_device();

}  // namespace kvsim::calibrate
