#include "sim/model/eviction_policy.h"

namespace kvsim {

Future& EvictionPolicy::Setup::known_future() const {
  if (future == nullptr)
    config.fail("/cache/eviction", "this policy needs to know the future, which is not known here");
  future->foresee();
  return *future;
}

}  // namespace kvsim
