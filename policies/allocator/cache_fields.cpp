// The config fields that more than one memory manager reads.

#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    boolean_field(
        "/cache/enable_prefix_caching", "true",
        "Keep the KV of finished prompts for requests that start the same (paged, radix)."),
    word_field("/cache/eviction", "lru", "policy", Registry<EvictionPolicy>::names,
               "Which cached entry is given up when memory is short (paged, radix)."),
};

}  // namespace
}  // namespace kvsim
