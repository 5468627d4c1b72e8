// Whatever the bytes, `kvsim ops` answers or refuses every operation, and the books balance.
// The first byte picks the dialect, the rest are lines of operations.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/cli/ops/replay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvsim;  // NOLINT
  if (size == 0) return 0;
  const auto dialect = data[0] % 2 == 0 ? make_sglang_ops() : make_vllm_ops();
  OpsReplay replay(*dialect);
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    (void)replay.record_of(text.substr(0, end), number);
    dialect->check_books();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}
