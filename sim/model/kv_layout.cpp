#include "sim/model/kv_layout.h"

#include <algorithm>

namespace kvsim {
namespace {

std::int64_t divided(std::int64_t n, std::int64_t ways) { return (n + ways - 1) / ways; }

/// Layers that keep the same tokens.
struct LayerKind {
  KvGroup group;
  bool cross = false;
  std::int64_t layers = 0;
};

KvGroup full_group(Tokens block) {
  KvGroup group;
  group.block = block;
  return group;
}

KvGroup local_group(const LocalSpan& local, Tokens block) {
  KvGroup group = full_group(block);
  group.kind =
      local.chunk > Tokens() ? KvGroup::Kind::kChunkedLocal : KvGroup::Kind::kSlidingWindow;
  group.window = local.window;
  group.sinks = local.sinks;
  group.chunk = local.chunk;
  return group;
}

KvGroup mamba_group(const LayoutPlan& plan, Tokens block) {
  // Where no state can be reused, one block lasts for the whole sequence.
  const bool whole = plan.mamba == KvGroup::MambaMode::kNone;
  KvGroup group = full_group(whole ? plan.max_model_len : block);
  group.kind = KvGroup::Kind::kMamba;
  group.mode = plan.mamba;
  return group;
}

std::vector<LayerKind> layer_kinds(const ModelSpec& model, const LayoutPlan& plan, Tokens block) {
  const auto group_of = [&](Mixer mixer) {
    if (mixer == Mixer::kMamba) return mamba_group(plan, block);
    return mixer == Mixer::kLocal ? local_group(model.local, block) : full_group(block);
  };
  std::vector<LayerKind> kinds;
  for (const Layer& layer : model.layers) {
    const KvGroup group = group_of(layer.mixer);
    const bool cross = layer.mixer == Mixer::kCross;
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const LayerKind& kind) {
      return kind.group == group && kind.cross == cross;
    });
    if (same == kinds.end())
      kinds.push_back({group, cross, 1});
    else
      ++same->layers;
  }
  return kinds;
}

std::int64_t layers_of_a_group(const std::vector<LayerKind>& kinds) {
  const auto [fewest, most] = std::minmax_element(
      kinds.begin(), kinds.end(),
      [](const LayerKind& a, const LayerKind& b) { return a.layers < b.layers; });
  return 2 * most->layers < 3 * fewest->layers ? most->layers : fewest->layers;
}

// The layers of a kind are dealt out one by one (vLLM's layers[i::n], which keeps the groups of a
// pipeline's stages alike).
void deal(const LayerKind& kind, KvLayout& layout) {
  const std::int64_t groups = divided(kind.layers, layout.group_layers);
  if (kind.cross) {
    layout.cross_layers = kind.layers;
    layout.cross_groups = groups;
    return;
  }
  for (std::int64_t i = 0; i < groups; ++i) {
    layout.groups.push_back(kind.group);
    layout.layers.push_back(divided(kind.layers - i, groups));
  }
}

/// Tokens of the smallest attention block that a Mamba state fits.
Tokens block_for_state(const KvLayerBytes& kv, Bytes state, Tokens block) {
  constexpr std::int64_t kAlignment = 16;  // tokens; what vLLM's attention kernels ask for
  const std::int64_t bits = (state - kv.per_block).value() * 8;
  if (bits <= kv.token_bits * block.value()) return block;
  return Tokens(divided(bits, kv.token_bits * kAlignment) * kAlignment);
}

KvLayout sized(const ModelSpec& model, const LayoutPlan& plan, Tokens block) {
  KvLayout layout;
  layout.block = block;
  layout.page = kv_layer_bytes(model, plan.kv, plan.shards.tensor).of_block(block);
  return layout;
}

}  // namespace

double KvLayout::padding() const {
  std::int64_t filled = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const bool mamba = groups[i].kind == KvGroup::Kind::kMamba;
    filled += layers[i] * (mamba ? state : page).value();
  }
  const auto all = static_cast<std::int64_t>(groups.size()) * group_layers * page.value();
  return 1 - static_cast<double>(filled) / static_cast<double>(all);
}

KvLayout grouped_layout(const ModelSpec& model, const LayoutPlan& plan) {
  const KvLayerBytes kv = kv_layer_bytes(model, plan.kv, plan.shards.tensor);
  const Bytes state = state_layer_bytes(model, plan.shards.tensor);
  KvLayout layout = sized(model, plan, block_for_state(kv, state, plan.block));
  layout.state = state;
  const std::vector<LayerKind> kinds = layer_kinds(model, plan, layout.block);
  layout.group_layers = layers_of_a_group(kinds);
  layout.slots = divided(layout.group_layers, plan.shards.pipeline);
  for (const LayerKind& kind : kinds) deal(kind, layout);
  return layout;
}

KvLayout uniform_layout(const ModelSpec& model, const LayoutPlan& plan) {
  KvLayout layout = sized(model, plan, plan.block);
  layout.groups = {full_group(plan.block)};
  layout.group_layers = model.attention_layers();
  layout.layers = {layout.group_layers};
  layout.slots = divided(layout.group_layers, plan.shards.pipeline);
  return layout;
}

Blocks blocks_held(const KvGroup& group, Tokens length) {
  const std::int64_t all = blocks_for(length, group.block).value();
  std::int64_t freed = 0;
  switch (group.kind) {
    case KvGroup::Kind::kFull:
      break;
    case KvGroup::Kind::kSlidingWindow: {
      const Tokens left = std::max(Tokens(), length - group.window);
      freed = left / group.block - blocks_for(std::min(left, group.sinks), group.block).value();
      break;
    }
    case KvGroup::Kind::kChunkedLocal:
      freed = group.chunk * ((length - Tokens(1)) / group.chunk) / group.block;
      break;
    case KvGroup::Kind::kMamba:
      return Blocks((group.mode == KvGroup::MambaMode::kAll ? all : 1) + group.speculative_blocks);
  }
  return Blocks(all - std::max<std::int64_t>(freed, 0));
}

Blocks blocks_held(const KvLayout& layout, Tokens length, Tokens images) {
  Blocks sum = blocks_for(images, layout.block) * layout.cross_groups;
  for (const KvGroup& group : layout.groups) sum += blocks_held(group, length);
  return sum;
}

Blocks most_blocks(const KvLayout& layout, Tokens length, Tokens step) {
  const auto of = [&](const KvGroup& group) {
    const auto until = [&](Tokens tokens) {
      return blocks_for(std::min(tokens, length), group.block);
    };
    switch (group.kind) {
      case KvGroup::Kind::kSlidingWindow:  // + 1: the window need not begin with a block
        return until(group.window - Tokens(1) + step) + Blocks(1) +
               blocks_for(group.sinks, group.block);
      case KvGroup::Kind::kChunkedLocal:
        return until(group.chunk + step);
      case KvGroup::Kind::kMamba:  // aligned: the state before the running one lives on for a while
        return blocks_held(group, length) +
               Blocks(group.mode == KvGroup::MambaMode::kAlign ? 1 : 0);
      case KvGroup::Kind::kFull:
        break;
    }
    return until(length);
  };
  Blocks sum;
  for (const KvGroup& group : layout.groups) sum += of(group);
  return sum;
}

double uniform_waste(const ModelSpec& model, Tokens text, Tokens images) {
  // Blocks of one token: what is wasted whatever the block size.
  LayoutPlan plan;
  plan.block = Tokens(1);
  plan.max_model_len = text;
  const KvLayout layout = grouped_layout(model, plan);
  std::int64_t needed = layout.cross_layers * images.value();
  std::int64_t given = layout.cross_layers * (text + images).value();
  for (std::size_t i = 0; i < layout.groups.size(); ++i) {
    if (layout.groups[i].kind == KvGroup::Kind::kMamba) continue;
    KvGroup group = layout.groups[i];
    group.block = Tokens(1);  // a Mamba state may have made it larger
    needed += layout.layers[i] * blocks_held(group, text).value();
    given += layout.layers[i] * (text + images).value();
  }
  return 1 - static_cast<double>(needed) / static_cast<double>(given);
}

}  // namespace kvsim
