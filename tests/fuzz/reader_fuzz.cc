// Whatever the bytes, a trace reader gives requests that keep their promises or throws InputError.
// KVSIM_FUZZ_FORMAT names the format; without it the first line decides.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sim/core/check.h"
#include "tests/workloads/drain.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvsim;  // NOLINT
  static const ConfigView config = ConfigView::parse(R"({"workload": {"limit": 2000}})", "fuzz");
  const char* format = std::getenv("KVSIM_FUZZ_FORMAT");
  std::string text(reinterpret_cast<const char*>(data), size);
  try {
    TraceSource source(TraceFile(TextInput::from_memory("fuzz", std::move(text)),
                                 format == nullptr ? TraceFile::kAnyFormat : format, {}),
                       {config, 1});
    Time last{};
    for (const Request& r : drain(source)) {
      KVSIM_CHECK(r.prompt > Tokens(0) && r.output > Tokens(0), "lengths are positive");
      KVSIM_CHECK(r.content.tokens() == r.prompt + r.output, "the content is the whole text");
      KVSIM_CHECK(r.arrival >= last, "time does not go back");
      last = r.arrival;
    }
  } catch (const InputError&) {
  }
  return 0;
}
