#include "sim/engine/transfer/hicache.h"

#include <fmt/format.h>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/cache/hicache_ratio", "null", "", 1, 1000,
                 "SGLang's hierarchical cache (allocator radix): host memory as a multiple of the "
                 "KV pool; null: none."),
    number_field("/cache/hicache_size", "null", "GB per GPU", 0, 1e6,
                 "The same as a size, which overrides the ratio; null: by the ratio."),
    word_field(
        "/cache/hicache_write_policy", "write_through", "policy",
        [] {
          return std::vector<std::string>{"write_through", "write_through_selective"};
        },
        "Pages are copied to the host at their first use, or at their second."),
};

}  // namespace

std::optional<HiCache> read_hicache(const ConfigView& config, Tokens pool, Bytes token_bytes) {
  HiCache cache;
  double room = 0;
  if (config.has("/cache/hicache_size")) {
    cache.field = "/cache/hicache_size";
    room = config.number(cache.field) * 1e9 / static_cast<double>(token_bytes.value());
  } else if (config.has("/cache/hicache_ratio")) {
    cache.field = "/cache/hicache_ratio";
    room = config.number(cache.field) * static_cast<double>(pool.value());
  } else {
    return std::nullopt;
  }
  if (config.text("/cache/allocator") != "radix")
    config.fail(cache.field,
                fmt::format("HiCache lies behind the allocator radix, not {}; use /tiers/host/gib",
                            config.text("/cache/allocator")));
  cache.room = Tokens(static_cast<std::int64_t>(room));
  if (config.text("/cache/hicache_write_policy") == "write_through_selective") cache.threshold = 2;
  return cache;
}

}  // namespace kvsim
