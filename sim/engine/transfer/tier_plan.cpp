#include "sim/engine/transfer/tier_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/engine/transfer/hicache.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

std::vector<std::string> fills() { return {"spill", "write-through"}; }

// Speeds of disk and remote are assumptions, for want of a measured system: a PCIe 4.0 x4 NVMe
// drive reads 7 GB/s by its data sheet (writes of most are slower) in some 100 us; 200 Gbit/s is
// one port of the 8 x 400 Gbit/s at most that Mooncake's servers have (FAST '25, section 5.1).
const DeclaredFields kFields{
    integer_field("/tiers/chunk_tokens", "256", "tokens", 1, 1 << 20,
                  "Tokens that are stored, found and given up together (LMCache's chunk_size); a "
                  "multiple of block_size."),
    word_field(
        "/tiers/load", "cheaper", "rule",
        [] {
          return std::vector<std::string>{"always", "cheaper", "never"};
        },
        "What is found in a tier is loaded: always; if that is sooner done than computing it, "
        "queues of the links included; or never."),
    boolean_field("/tiers/load_async", "null",
                  "A sequence waits for its load while others run (vLLM), or joins the next step, "
                  "which takes at least as long (SGLang); null: as the batching policy's engine."),
    word_field(
        "/tiers/store", "write-through", "rule",
        [] {
          return std::vector<std::string>{"on-evict", "selective", "write-through"};
        },
        "When KV is stored: as soon as it is computed; when it was used store_threshold times; or "
        "when the pool gives it up, before its room is written again (allocator paged)."),
    integer_field("/tiers/store_threshold", "2", "uses", 1, 1'000'000,
                  "selective: the use at which a chunk is stored, computing it being the first."),
    boolean_field("/tiers/prefetch", "false",
                  "Bring what a request could use from disk and remote to the host's memory as "
                  "soon as it arrives."),
    number_field("/tiers/host/gib", "0", "GiB", 0, 1e9,
                 "Host memory of a replica for KV behind the pool, of all its GPUs; 0: none."),
    number_field("/tiers/host/gbytes_per_s", "null", "GB/s", 1e-6, 1e6,
                 "Each GPU's link to the host, each way; null: the device's."),
    number_field("/tiers/host/latency_us", "10", "us", 0, 1e9,
                 "Until a copy over the host link starts: a launch and the bus, an assumption."),
    word_field("/tiers/host/eviction", "lru", "policy", Registry<EvictionPolicy>::names,
               "What the host's memory gives up when it is full."),
    number_field("/tiers/disk/gib", "0", "GiB", 0, 1e9, "Disk of a replica for KV; 0: none."),
    number_field("/tiers/disk/gbytes_per_s", "7", "GB/s", 1e-6, 1e6,
                 "The disk's bandwidth, each way; an assumption (NVMe on PCIe 4.0 x4)."),
    number_field("/tiers/disk/latency_us", "100", "us", 0, 1e9, "Of the disk; an assumption."),
    word_field("/tiers/disk/eviction", "lru", "policy", Registry<EvictionPolicy>::names,
               "What the disk gives up when it is full."),
    word_field("/tiers/disk/fill", "spill", "rule", fills,
               "spill: gets what the tier before it gives up; write-through: all that is stored, "
               "at once."),
    number_field("/tiers/remote/gib", "0", "GiB", 0, 1e9,
                 "A store that all replicas share; 0: none."),
    number_field("/tiers/remote/gbytes_per_s", "25", "GB/s", 1e-6, 1e6,
                 "The store's bandwidth, each way, for all replicas together; an assumption "
                 "(RDMA, 200 Gbit/s)."),
    number_field("/tiers/remote/latency_us", "50", "us", 0, 1e9,
                 "Of the network and the store; an assumption."),
    word_field("/tiers/remote/eviction", "lru", "policy", Registry<EvictionPolicy>::names,
               "What the shared store gives up when it is full."),
    word_field("/tiers/remote/fill", "write-through", "rule", fills,
               "spill: gets what the tier before it gives up; write-through: all that is stored, "
               "at once."),
};

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
// Policies keep a few words for every chunk there could be.
constexpr std::int64_t kMostChunks = 1 << 24;

TierPlan::Load load_rule(const std::string& word) {
  if (word == "always") return TierPlan::Load::kAlways;
  return word == "never" ? TierPlan::Load::kNever : TierPlan::Load::kCheaper;
}

TierPlan::Store store_rule(const std::string& word) {
  if (word == "selective") return TierPlan::Store::kSelective;
  return word == "on-evict" ? TierPlan::Store::kOnEvict : TierPlan::Store::kWriteThrough;
}

Link::Setup link_of(const ConfigView& config, const std::string& tier, double bytes_per_s) {
  return {bytes_per_s, round_to_ns(config.number(tier + "/latency_us") * 1e-6)};
}

// `field` asked for so many chunks.
TierPlan::Room room_for(const ConfigView& config, const std::string& field, double chunks,
                        const std::string& eviction_field) {
  if (chunks < 1) config.fail(field, "no room for a single chunk; raise it");
  if (chunks > static_cast<double>(kMostChunks))
    config.fail(field, fmt::format("{:.0f} chunks are more than the {} kvsim keeps track of; make "
                                   "chunks larger (/tiers/chunk_tokens, or block_size for HiCache)",
                                   chunks, kMostChunks));
  TierPlan::Room room;
  room.chunks = static_cast<std::int64_t>(chunks);
  room.eviction = config.text(eviction_field);
  if (room.eviction == "optimal")
    config.fail(eviction_field, "what a tier will be asked for is not known; use another policy");
  return room;
}

std::optional<TierPlan::Room> room_of(const ConfigView& config, const std::string& tier,
                                      const std::string& eviction_field, const TierPlan& plan) {
  const double gib = config.number(tier + "/gib");
  if (gib == 0) return std::nullopt;
  const Bytes chunk = plan.gpu_bytes * plan.gpus * plan.chunk.value();
  return room_for(config, tier + "/gib", gib * kGib / static_cast<double>(chunk.value()),
                  eviction_field);
}

std::optional<TierPlan::Room> linked_room(const ConfigView& config, const std::string& tier,
                                          const std::string& eviction_field, const TierPlan& plan) {
  auto room = room_of(config, tier, eviction_field, plan);
  if (!room) return room;
  room->link = link_of(config, tier, config.number(tier + "/gbytes_per_s") * 1e9);
  room->written_through = config.text(tier + "/fill") == "write-through";
  return room;
}

// The host's memory as SGLang uses it.
void adopt(const HiCache& hicache, const ConfigView& config, TierPlan& plan) {
  if (plan.host)
    config.fail(hicache.field, "HiCache has the host's memory; leave /tiers/host/gib at 0");
  plan.chunk = plan.block;
  plan.host =
      room_for(config, hicache.field,
               static_cast<double>(hicache.room.value()) / static_cast<double>(plan.chunk.value()),
               "/cache/eviction");
  plan.load = TierPlan::Load::kAlways;
  plan.least_load = HiCache::kLeastLoad;
  plan.store = TierPlan::Store::kSelective;
  plan.threshold = hicache.threshold;
  plan.closed = true;
}

// Do some layers keep less than whole prefixes?
bool keeps_less(std::span<const KvGroup> groups) {
  return std::any_of(groups.begin(), groups.end(),
                     [](const KvGroup& g) { return g.kind != KvGroup::Kind::kFull; });
}

void refuse_contradictions(const TierPlan& plan, const TierSetting& setting,
                           const ConfigView& config) {
  if (plan.chunk % plan.block != Tokens(0))
    config.fail("/tiers/chunk_tokens", fmt::format("expected a multiple of block_size ({}), got {}",
                                                   plan.block.value(), plan.chunk.value()));
  if (plan.prefetch && !plan.host)
    config.fail("/tiers/prefetch", "prefetches go to the host's memory: set /tiers/host/gib");
  if (plan.async.value_or(false) && config.text("/scheduler/batching") != "vllm")
    config.fail("/tiers/load_async", "only vllm batching lets others run meanwhile; leave it null");
  if (plan.store == TierPlan::Store::kOnEvict && config.text("/cache/allocator") != "paged")
    config.fail("/tiers/store", "on-evict goes with the allocator paged; use write-through");
  if (!config.boolean("/cache/enable_prefix_caching"))
    config.fail("/tiers", "tiers hold prefixes: set /cache/enable_prefix_caching to true");
  if (keeps_less(setting.groups))
    config.fail("/cache/groups",
                "tiers hold whole prefixes, and some of this model's layers keep less; set it to "
                "uniform (vLLM turns its hybrid KV cache manager off under a connector as well)");
}

}  // namespace

std::optional<TierPlan> read_tier_plan(const ConfigView& config, const TierSetting& setting) {
  TierPlan plan;
  plan.block = setting.block;
  plan.chunk = Tokens(config.integer("/tiers/chunk_tokens"));
  plan.gpu_bytes = Bytes(setting.block_bytes.value() / setting.block.value());
  plan.gpus = setting.gpus;
  plan.load = load_rule(config.text("/tiers/load"));
  plan.store = store_rule(config.text("/tiers/store"));
  if (plan.store == TierPlan::Store::kSelective)
    plan.threshold = static_cast<std::uint32_t>(config.integer("/tiers/store_threshold"));
  plan.host = room_of(config, "/tiers/host", "/tiers/host/eviction", plan);
  if (const auto hicache = read_hicache(config, setting.pool, plan.gpu_bytes))
    adopt(*hicache, config, plan);
  plan.disk = linked_room(config, "/tiers/disk", "/tiers/disk/eviction", plan);
  plan.remote = linked_room(config, "/tiers/remote", "/tiers/remote/eviction", plan);
  if (!plan.host && !plan.disk && !plan.remote) return std::nullopt;
  plan.host_link = link_of(config, "/tiers/host",
                           config.has("/tiers/host/gbytes_per_s")
                               ? config.number("/tiers/host/gbytes_per_s") * 1e9
                               : setting.host_bandwidth);
  if (config.has("/tiers/load_async")) plan.async = config.boolean("/tiers/load_async");
  plan.prefetch = config.boolean("/tiers/prefetch");
  refuse_contradictions(plan, setting, config);
  return plan;
}

}  // namespace kvsim
