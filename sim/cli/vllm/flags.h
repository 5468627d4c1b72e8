#pragma once
// The flags of `vllm serve` (0.9 to 0.27), and what they are here: a table.

#include <span>
#include <string>
#include <string_view>

namespace kvsim {

struct VllmFlag {
  enum class Kind : std::uint8_t {
    kField,        ///< A value of config field `pointer`.
    kSwitch,       ///< --x is true, --no-x is false, of `pointer`.
    kModel,        ///< Which model.
    kDtype,        ///< Weights' format, by vLLM's words.
    kKvDtype,      ///< The KV cache's.
    kQuantised,    ///< A method of quantisation.
    kReplicas,     ///< Equal engines.
    kDrafts,       ///< speculative_config, JSON.
    kUniform,      ///< A switch: every layer keeps every token.
    kNothing,      ///< Changes nothing that is simulated.
    kNotModelled,  ///< Would change results; `why` says what.
  };
  std::string_view name;     ///< Without dashes, with underscores: "max_num_seqs".
  std::string_view letters;  ///< "tp" of -tp; may be empty.
  Kind kind = Kind::kNothing;
  bool takes_value = true;
  std::string_view pointer;
  std::string_view why;
};

[[nodiscard]] std::span<const VllmFlag> vllm_flags();

}  // namespace kvsim
