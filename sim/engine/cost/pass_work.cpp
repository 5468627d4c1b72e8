#include "sim/engine/cost/pass_work.h"

#include <algorithm>

namespace kvsim {
namespace {

constexpr double kWide = 2;  // bytes of an activation
// Passes over the residual stream around the two norms of a layer: x and the residual, in and out.
constexpr double kResidualPasses = 8;
// Passes over the feed-forward's inner width: gate and up in, their product out.
constexpr double kInnerPasses = 3;

double as_double(std::int64_t n) { return static_cast<double>(n); }
double divided(std::int64_t n, std::int64_t ways) { return as_double((n + ways - 1) / ways); }

/// The matrices of the model's layers, in vLLM's fusion: q, k and v are one, gate and up are one.
class Linears {
 public:
  Linears(const ModelSpec& model, std::int64_t ways) : m_(model), ways_(ways) {
    for (const Layer& layer : m_.layers) {
      if (layer.mixer == Mixer::kMamba)
        mamba();
      else
        attention();
      if (!layer.experts)
        feed_forward(m_.feed_forward.intermediate, m_.feed_forward.gated);
      else if (m_.experts->shared_intermediate > 0)
        feed_forward(m_.experts->shared_intermediate, true);
    }
  }
  [[nodiscard]] std::vector<Linear> take() { return std::move(linears_); }

 private:
  void add(double out, double in) {
    if (out == 0 || in == 0) return;
    const auto same = std::find_if(linears_.begin(), linears_.end(),
                                   [&](const Linear& l) { return l.out == out && l.in == in; });
    if (same == linears_.end())
      linears_.push_back({out, in, 1});
    else
      ++same->count;
  }
  void attention() {
    const double hidden = as_double(m_.hidden);
    const AttentionShape& a = m_.attention;
    if (m_.latent) {
      const LatentShape& l = *m_.latent;
      const double query_out = divided(a.heads * (l.nope_dim + l.rope_dim), ways_);
      add(query_out, as_double(l.q_rank == 0 ? m_.hidden : l.q_rank));
      if (l.q_rank > 0) add(as_double(l.q_rank), hidden);
      add(as_double(l.kv_rank + l.rope_dim), hidden);
      // Decode absorbs it into queries and outputs: the same weights, read once.
      add(divided(a.heads * (l.nope_dim + l.value_dim), ways_), as_double(l.kv_rank));
      add(hidden, divided(a.heads * l.value_dim, ways_));
      return;
    }
    const double q_out = divided(a.heads * a.head_dim, ways_);
    add(q_out + 2 * as_double(kv_heads_per_gpu(m_, ways_) * a.head_dim), hidden);
    add(hidden, q_out);
  }
  void feed_forward(std::int64_t intermediate, bool gated) {
    add((gated ? 2 : 1) * divided(intermediate, ways_), as_double(m_.hidden));
    add(as_double(m_.hidden), divided(intermediate, ways_));
  }
  // The projections; convolutions and scans are priced with the state.
  void mamba() {
    const MambaShape& s = *m_.mamba;
    const double hidden = as_double(m_.hidden);
    const double inner = divided(s.inner, ways_);
    add(hidden, inner);
    if (s.heads > 0) {
      add(2 * inner + 2 * divided(s.groups, ways_) * as_double(s.state) + divided(s.heads, ways_),
          hidden);
      return;
    }
    add(divided(2 * s.inner, ways_), hidden);
    add(as_double(s.dt_rank + 2 * s.state), inner);
    add(inner, as_double(s.dt_rank));
  }

  const ModelSpec& m_;
  std::int64_t ways_;
  std::vector<Linear> linears_;
};

}  // namespace

PassWork::PassWork(const ModelSpec& m, const Deployment& d) : weights(d.weights) {
  const std::int64_t tensor = d.shards.tensor;
  ways = tensor;
  hidden = as_double(m.hidden);
  layers = as_double(static_cast<std::int64_t>(m.layers.size()));
  full_layers = as_double(m.layer_count(Mixer::kAttention));
  local_layers = as_double(m.layer_count(Mixer::kLocal));

  linears = Linears(m, tensor).take();
  const ParameterCount all =
      count_parameters(m, Sharding{.tensor = tensor, .expert = d.shards.expert});
  ParameterCount kept = all;
  kept.experts = kept.embeddings = kept.head = 0;
  dense.bytes = as_double(weight_bytes(kept, d.weights).value());
  dense.flops = 2 * as_double(kept.total() - kept.norms);
  // A tied head is the embedding, read once more.
  head = {divided(m.vocab, tensor), hidden, 1};
  const ParameterCount table{.head = (m.vocab + tensor - 1) / tensor * m.hidden};
  head_work = {as_double(weight_bytes(table, d.weights).value()), 2 * as_double(table.head)};
  inner_bytes = kWide * kInnerPasses * as_double(m.feed_forward.intermediate) / as_double(ways);
  residual_bytes = kWide * kResidualPasses * hidden;
  if (m.experts) {
    const ParameterCount routed{.experts = all.experts};
    RoutedExperts e;
    e.count = as_double(m.experts->count);
    e.per_token = as_double(m.experts->per_token);
    e.gpus = d.shards.expert;
    e.ranks = d.data_parallel;
    e.layers = as_double(std::count_if(m.layers.begin(), m.layers.end(),
                                       [](const Layer& layer) { return layer.experts; }));
    e.work = {as_double(weight_bytes(routed, d.weights).value()),
              2 * as_double(all.experts) * e.per_token / e.count};
    experts = e;
  }

  const double q_heads = as_double(m.attention.heads) / as_double(ways);
  const KvLayerBytes bytes = kv_layer_bytes(m, d.kv, tensor);
  heads = {q_heads, as_double(m.attention.head_dim),
           as_double(bytes.token_bits) / 8 +
               as_double(bytes.per_block.value()) / as_double(d.layout.block.value())};
  kv_heads = as_double(kv_heads_per_gpu(m, tensor));
  kv = d.kv.dtype;
  decode_pair_flops = prefill_pair_flops = 4 * q_heads * heads.head_dim;
  if (m.latent) {
    // Decode works in the latent space (scores over rank + rope, values over rank); prefill expands
    // keys and values first.
    latent = true;
    const LatentShape& l = *m.latent;
    decode_pair_flops = 2 * q_heads * as_double(2 * l.kv_rank + l.rope_dim);
    prefill_pair_flops = 2 * q_heads * as_double(l.nope_dim + l.rope_dim + l.value_dim);
  }
  state_bytes = 2 * as_double(kvsim::state_bytes(m, tensor).value());
}

}  // namespace kvsim
