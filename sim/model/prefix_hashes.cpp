#include "sim/model/prefix_hashes.h"

#include "sim/model/block_keys.h"

namespace kvsim {

void append_prefix_hashes(const Request& r, Tokens count, Tokens block,
                          std::vector<std::uint64_t>& hashes) {
  BlockKeys keys;
  keys.restart(r.cache_salt);
  keys.extend(r, static_cast<std::size_t>(count / block), block);
  for (std::size_t i = 0; i < keys.size(); ++i) hashes.push_back(keys[i].lo);
}

}  // namespace kvsim
