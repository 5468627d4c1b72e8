// The calc sheet as a table for people and as JSON for programs.

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/calc_sheet.h"

namespace kvsim {
namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
constexpr double kGb = 1e9;

// 1234567 -> "1,234,567".
std::string grouped(std::int64_t n) {
  const std::string digits = std::to_string(n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool boundary = i > 0 && (digits.size() - i) % 3 == 0 && digits[i - 1] != '-';
    if (boundary) text += ',';
    text += digits[i];
  }
  return text;
}

std::string gib(Bytes bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes.value()) / kGib);
}
std::string gb(Bytes bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(bytes.value()) / kGb);
}

// 46.875 -> "46.9 (about 47)", 4.03 -> "about 4", 375 -> "375".
std::string about(double n) {
  constexpr double kExact = 1e-9;
  constexpr double kOneDecimal = 0.05;
  const double whole = std::round(n);
  std::string rounded = grouped(std::llround(whole));
  if (std::abs(n - whole) < kExact * n) return rounded;
  if (std::abs(n - whole) < kOneDecimal) return "about " + rounded;
  return fmt::format("{:.1f} (about {})", n, rounded);
}

// 1500000 -> "1.50 M", 16106.1 -> "16,106".
std::string millions(double n) {
  constexpr double kMillion = 1e6;
  return n < kMillion ? grouped(std::llround(n)) : fmt::format("{:.2f} M", n / kMillion);
}

std::string counted(std::int64_t n, std::string_view what) {
  return fmt::format("{} {}{}", grouped(n), what, n == 1 ? "" : "s");
}

std::string heading(const CalcSheet& s) {
  const Sharding& shards = s.deployment.shards;
  std::string text =
      fmt::format("{} ({:.2f} B parameters", s.model, static_cast<double>(s.parameters) * 1e-9);
  if (s.active != s.parameters)
    text += fmt::format(", {:.2f} B on a token", static_cast<double>(s.active) * 1e-9);
  text += fmt::format(") on {} x {}: weights {}, KV {}, tensor_parallel_size {}", s.gpus, s.device,
                      word_of(s.deployment.weights), word_of(s.deployment.kv.dtype), shards.tensor);
  if (shards.pipeline > 1) text += fmt::format(", pipeline_parallel_size {}", shards.pipeline);
  if (s.replicas > 1) text += fmt::format(", {} replicas", s.replicas);
  return text + "\n";
}

std::string ladder(const CalcSheet& s) {
  std::string text;
  for (const LadderLine& line : s.ladder) {
    const bool large = line.unit == "bytes" && std::abs(line.value) >= 100'000'000;
    const Bytes bytes(line.value);
    text += fmt::format("  {:<18} {:>19} {:<6} {:>12} {:>12}  {:<9}  {}\n", line.label,
                        grouped(line.value), line.unit, large ? gib(bytes) : "",
                        large ? gb(bytes) : "", word_of(line.certainty), line.why);
  }
  return text;
}

std::string result(const CalcSheet& s) {
  if (s.capacity == Tokens())
    return fmt::format("  RESULT  does not fit: {} left for KV on {}  [{}]\n", gib(s.kv),
                       counted(s.gpus, "GPU"), word_of(s.certainty));
  std::string text = fmt::format("  RESULT  {} tokens of KV:", grouped(s.capacity.value()));
  for (std::size_t i = 0; i < s.concurrency.size(); ++i)
    text +=
        fmt::format("{} {} requests of {} tokens", i == 0 ? "" : ",",
                    grouped(s.concurrency[i].requests), grouped(s.concurrency[i].context.value()));
  text += fmt::format("  [{}]\n", word_of(s.certainty));
  text += fmt::format("          textbook units ({:g} KB a token, 1K = 1,000): {} tokens",
                      s.textbook.token_kb, millions(s.textbook.tokens));
  for (const auto& row : s.textbook.requests)
    text += fmt::format(", {} requests at {}K", about(row.requests), row.kilotokens);
  return text + "\n";
}

std::string_view kind_word(KvGroup::Kind kind) {
  switch (kind) {
    case KvGroup::Kind::kFull:
      return "full";
    case KvGroup::Kind::kSlidingWindow:
      return "sliding_window";
    case KvGroup::Kind::kChunkedLocal:
      return "chunked_local";
    case KvGroup::Kind::kMamba:
      return "mamba";
  }
  return "";
}

std::string keeps(const KvGroup& group) {
  switch (group.kind) {
    case KvGroup::Kind::kFull:
      return "every token";
    case KvGroup::Kind::kSlidingWindow: {
      const std::string last = fmt::format("the last {} tokens", grouped(group.window.value()));
      return group.sinks == Tokens()
                 ? last
                 : fmt::format("the first {} and {}", grouped(group.sinks.value()), last);
    }
    case KvGroup::Kind::kChunkedLocal:
      return fmt::format("a chunk of {} tokens", grouped(group.chunk.value()));
    case KvGroup::Kind::kMamba:
      return group.mode == KvGroup::MambaMode::kAll ? "a state per block" : "one state";
  }
  return "";
}

std::string groups(const CalcSheet& s) {
  const KvLayout& layout = s.deployment.layout;
  if (layout.groups.size() + static_cast<std::size_t>(layout.cross_groups) < 2) return "";
  std::string text = fmt::format("  {} of up to {}, blocks of {} tokens, pages of {} bytes",
                                 counted(static_cast<std::int64_t>(layout.groups.size()), "group"),
                                 counted(layout.group_layers, "layer"), layout.block.value(),
                                 grouped(layout.page.value()));
  if (layout.padding() > 0) text += fmt::format(", {:.2f} % padding", 100 * layout.padding());
  text += "\n";
  for (std::size_t first = 0, end = 0; first < layout.groups.size(); first = end) {
    std::int64_t layers = 0;
    for (; end < layout.groups.size() && layout.groups[end] == layout.groups[first]; ++end)
      layers += layout.layers[end];
    text += fmt::format("  {:<13} {:>10}: {}\n",
                        end - first == 1 ? fmt::format("group {}", first)
                                         : fmt::format("groups {} to {}", first, end - 1),
                        counted(layers, "layer"), keeps(layout.groups[first]));
  }
  if (layout.cross_layers > 0)
    text += fmt::format("  and {} in {}: image tokens only (--image-tokens)\n",
                        counted(layout.cross_layers, "cross-attention layer"),
                        counted(layout.cross_groups, "group"));
  return text + "\n";
}

std::string concurrency(const CalcSheet& s) {
  std::string text = fmt::format("  {:>12} {:>10} {:>22} {:>12} {:>10}\n", "context", "blocks",
                                 "bytes a request", "", "requests");
  for (const auto& row : s.concurrency) {
    text += fmt::format("  {:>12} {:>10} {:>22} {:>12} {:>10}", grouped(row.context.value()),
                        grouped(row.blocks.value()), grouped(row.request.value()), gib(row.request),
                        grouped(row.requests));
    if (s.uneven)
      text += fmt::format("  uniform paging would waste {:.2f} %", 100 * row.uniform_waste);
    text += row.context > s.longest ? "  (longer than the model was made for)\n" : "\n";
  }
  if (s.most_sequences > 0)
    text += fmt::format("  no more than {} at once: as many have a Mamba state (--max-num-seqs)\n",
                        counted(s.most_sequences, "request"));
  return text;
}

std::string variants(const CalcSheet& s) {
  std::string text = fmt::format("  {:<26} {:>16} {:>14} {:>10}\n", "KV bytes of a token",
                                 "one layer", "all layers", "saving");
  for (const auto& row : s.variants)
    text += fmt::format("  {:<26} {:>16} {:>14} {:>9.1f}x{}\n", row.name,
                        grouped(row.per_layer.value()), grouped(row.per_token.value()), row.saving,
                        row.this_one ? "  <- this model" : "");
  return text;
}

std::string suggestions(const CalcSheet& s) {
  std::string text;
  for (const auto& row : s.suggestions) {
    text += fmt::format("  try {:<34} {:>14} tokens", row.change, grouped(row.capacity.value()));
    if (s.capacity > Tokens())
      text += fmt::format(" ({:.2f}x)", static_cast<double>(row.capacity.value()) /
                                            static_cast<double>(s.capacity.value()));
    text += "\n";
  }
  return text;
}

nlohmann::ordered_json layout_json(const KvLayout& layout) {
  nlohmann::ordered_json j;
  j["block_tokens"] = layout.block.value();
  j["page_bytes"] = layout.page.value();
  j["group_layers"] = layout.group_layers;
  j["padding"] = layout.padding();
  j["groups"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < layout.groups.size(); ++i)
    j["groups"].push_back({{"kind", kind_word(layout.groups[i].kind)},
                           {"layers", layout.layers[i]},
                           {"block_tokens", layout.groups[i].block.value()},
                           {"window_tokens", layout.groups[i].window.value()},
                           {"sink_tokens", layout.groups[i].sinks.value()},
                           {"chunk_tokens", layout.groups[i].chunk.value()}});
  return j;
}

}  // namespace

std::string as_text(const CalcSheet& s) {
  return heading(s) + "\n" + ladder(s) + result(s) + "\n" + groups(s) + concurrency(s) + "\n" +
         variants(s) + (s.suggestions.empty() ? "" : "\n") + suggestions(s);
}

std::string as_json(const CalcSheet& s) {
  using Json = nlohmann::ordered_json;
  Json j;
  j["model"] = s.model;
  j["device"] = s.device;
  j["gpus"] = s.gpus;
  j["replicas"] = s.replicas;
  j["tensor_parallel_size"] = s.deployment.shards.tensor;
  j["pipeline_parallel_size"] = s.deployment.shards.pipeline;
  j["dtype"] = word_of(s.deployment.weights);
  j["kv_cache_dtype"] = word_of(s.deployment.kv.dtype);
  j["block_size"] = s.deployment.layout.block.value();
  j["max_model_len"] = s.deployment.max_model_len.value();
  j["parameters"] = s.parameters;
  j["active_parameters"] = s.active;
  j["ladder"] = Json::array();
  for (const LadderLine& line : s.ladder)
    j["ladder"].push_back({{"label", line.label},
                           {"value", line.value},
                           {"unit", line.unit},
                           {"certainty", word_of(line.certainty)},
                           {"why", line.why}});
  j["fits"] = s.capacity > Tokens();
  j["certainty"] = word_of(s.certainty);
  j["kv_bytes"] = s.kv.value();
  j["token_bytes"] = s.token_bytes.value();
  j["capacity_blocks"] = s.blocks.value();
  j["capacity_tokens"] = s.capacity.value();
  j["layout"] = layout_json(s.deployment.layout);
  j["concurrency"] = Json::array();
  for (const auto& row : s.concurrency)
    j["concurrency"].push_back({{"context_tokens", row.context.value()},
                                {"request_blocks", row.blocks.value()},
                                {"request_bytes", row.request.value()},
                                {"requests", row.requests},
                                {"uniform_waste", row.uniform_waste}});
  j["textbook"] = {{"token_kb", s.textbook.token_kb}, {"tokens", s.textbook.tokens}};
  j["textbook"]["requests"] = Json::array();
  for (const auto& row : s.textbook.requests)
    j["textbook"]["requests"].push_back(
        {{"kilotokens", row.kilotokens}, {"requests", row.requests}});
  j["variants"] = Json::array();
  for (const auto& row : s.variants)
    j["variants"].push_back({{"name", row.name},
                             {"layer_bytes", row.per_layer.value()},
                             {"token_bytes", row.per_token.value()},
                             {"saving", row.saving},
                             {"this_model", row.this_one}});
  j["suggestions"] = Json::array();
  for (const auto& row : s.suggestions)
    j["suggestions"].push_back({{"change", row.change}, {"capacity_tokens", row.capacity.value()}});
  return j.dump(2) + "\n";
}

}  // namespace kvsim
