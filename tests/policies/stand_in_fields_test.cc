// The config fields that allocators read, until the engine declares them: then this file goes.
#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field(
        "/cache/eviction", "lru", "policy", [] { return Registry<EvictionPolicy>::names(); },
        "Which cached entry is given up first."),
    boolean_field("/cache/enable_prefix_caching", "true", "Reuse what other requests computed."),
};

}  // namespace
}  // namespace kvsim
