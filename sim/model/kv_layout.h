#pragma once
// KvLayout: how the layers of a model share one pool of equal blocks.
//
// Layers that keep the same tokens are split into groups of equally many layers; a block holds
// `block` tokens of one group's layers, and each group has a block table of its own. Source: vLLM
// V1 (kv_cache_utils.py and platforms/interface.py, July 2026): groups are as large as the rarest
// kind of layer has layers, or as the commonest if that has less than 1.5 times as many; what is
// left over is padded; attention blocks grow until a Mamba state fits one.

#include <vector>

#include "sim/model/kv_group.h"
#include "sim/model/model_spec.h"

namespace kvsim {

struct KvLayout {
  std::vector<KvGroup> groups;       ///< In the order in which the model first has such a layer.
  std::vector<std::int64_t> layers;  ///< Of each group, over all GPUs.
  /// Layers a group has room for, over all GPUs; a group with fewer is padded.
  std::int64_t group_layers = 0;
  std::int64_t slots = 0;  ///< The same on the fullest GPU.
  /// Layers that keep image tokens only, and so many groups of them: no request of a trace has any.
  std::int64_t cross_layers = 0;
  std::int64_t cross_groups = 0;
  Tokens block;  ///< Tokens per block of the attention groups.
  Bytes page;    ///< One block of one layer.
  Bytes state;   ///< What a Mamba layer needs of a page; 0: there are none.

  /// One block on the fullest GPU.
  [[nodiscard]] Bytes block_bytes() const { return page * slots; }
  /// Share of a block of every group that no layer fills: missing layers, Mamba pages' ends.
  [[nodiscard]] double padding() const;
};

/// What a layout depends on besides the model.
struct LayoutPlan {
  KvFormat kv;
  Tokens block;  ///< block_size; grows if a Mamba state needs more.
  Sharding shards;
  Tokens max_model_len;
  KvGroup::MambaMode mamba = KvGroup::MambaMode::kNone;
};

/// Layers grouped by what they keep.
[[nodiscard]] KvLayout grouped_layout(const ModelSpec& model, const LayoutPlan& plan);
/// Every layer that caches KV keeps every token; Mamba states lie outside the pool.
[[nodiscard]] KvLayout uniform_layout(const ModelSpec& model, const LayoutPlan& plan);

/// Blocks a sequence holds once its newest token of `length` has been computed.
[[nodiscard]] Blocks blocks_held(const KvGroup& group, Tokens length);
[[nodiscard]] Blocks blocks_held(const KvLayout& layout, Tokens length, Tokens images = {});
/// Most blocks a sequence holds on its way to `length`, in steps of up to `step` tokens: what must
/// fit for it to be served (vLLM's max_memory_usage_bytes).
[[nodiscard]] Blocks most_blocks(const KvLayout& layout, Tokens length, Tokens step);

/// Of the KV memory that uniform paging gives a request, the share that no layer needs: every layer
/// that caches gets a slot for every token of text and image. Jenga's measure (arXiv 2503.18292).
[[nodiscard]] double uniform_waste(const ModelSpec& model, Tokens text, Tokens images);

}  // namespace kvsim
