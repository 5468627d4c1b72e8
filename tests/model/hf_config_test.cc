// A config.json is read strictly: what is missing, wrong or unknown is named, never guessed.
#include "sim/model/hf_config.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

Json llama() {
  return parse_json(builtin_config("models", "llama-3.1-8b").value(), "llama-3.1-8b.json");
}
Json of(const std::string& name) {
  return parse_json(builtin_config("models", name).value(), name);
}

std::string error_of(const Json& config) {
  try {
    (void)parse_model(config.dump(), "my/config.json", "mine");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_with(Json config, const std::string& key, const Json& value) {
  config[key] = value;
  return error_of(config);
}

TEST(HfConfig, NamesTheMissingKey) {
  for (const std::string key :
       {"num_hidden_layers", "hidden_size", "vocab_size", "num_attention_heads",
        "intermediate_size", "model_type", "max_position_embeddings", "torch_dtype"}) {
    Json config = llama();
    config.erase(key);
    EXPECT_EQ(error_of(config), "my/config.json: /" + key + ": missing");
  }
  Json mla = of("deepseek-v3");
  mla.erase("kv_lora_rank");
  EXPECT_EQ(error_of(mla), "my/config.json: /kv_lora_rank: missing");
}

TEST(HfConfig, NamesTheUnknownFamily) {
  EXPECT_EQ(error_with(llama(), "model_type", "lama"),
            "my/config.json: /model_type: no model family named 'lama'; known: deepseek_v2, "
            "deepseek_v3, gemma2, gemma3_text, gpt_oss, granitemoehybrid, jamba, llama, llama4, "
            "ministral, mistral, mixtral, mllama, opt, qwen2, qwen3, qwen3_moe (did you mean "
            "'llama'?)");
  EXPECT_EQ(error_with(llama(), "architectures", Json{"LlamaForClassification"}),
            "my/config.json: /architectures/0: no architecture named 'LlamaForClassification' in "
            "family llama; known: LlamaForCausalLM");
  EXPECT_EQ(error_with(llama(), "architectures", 3),
            "my/config.json: /architectures: expected a list of names");
  EXPECT_EQ(error_with(llama(), "torch_dtype", "float8"),
            "my/config.json: /torch_dtype: no dtype named 'float8'; known: bfloat16, float16, "
            "float32");
  EXPECT_EQ(error_with(llama(), "quantization_config", Json{{"quant_method", "hqq"}}),
            "my/config.json: /quantization_config/quant_method: no method named 'hqq'; known: awq, "
            "fp8, gptq");
}

TEST(HfConfig, RefusesValuesOutOfRange) {
  EXPECT_EQ(error_with(llama(), "num_hidden_layers", 0),
            "my/config.json: /num_hidden_layers: expected 1 to 512, got 0");
  EXPECT_EQ(error_with(llama(), "num_hidden_layers", "x"),
            "my/config.json: /num_hidden_layers: expected an integer, got 'x'");
  EXPECT_EQ(error_with(llama(), "hidden_size", 18'446'744'073'709'551'615ULL),
            "my/config.json: /hidden_size: expected 1 to 65536, got 18446744073709551615");
  EXPECT_EQ(error_with(llama(), "hidden_size", 4096.5),
            "my/config.json: /hidden_size: expected an integer, got 4096.5");
  EXPECT_EQ(
      error_with(llama(), "num_key_value_heads", 5),
      "my/config.json: /num_key_value_heads: expected a divisor of 32 attention heads, got 5");
  EXPECT_EQ(error_with(llama(), "hidden_size", 4097),
            "my/config.json: /head_dim: missing, and hidden_size 4097 is no multiple of 32 heads");
  EXPECT_EQ(error_with(llama(), "tie_word_embeddings", 1),
            "my/config.json: /tie_word_embeddings: expected true or false, got 1");
  EXPECT_EQ(error_with(of("jamba-v0.1"), "attn_layer_offset", 9),
            "my/config.json: /attn_layer_offset: leaves no layer that attends");
}

TEST(HfConfig, SaysWhereAFileIsNoObject) {
  EXPECT_EQ(error_of(Json::array()), "my/config.json: /: expected an object, got []");
}

TEST(HfConfig, SurvivesAnyKeyBeingAnything) {
  // Every key of every model, replaced by each of these: an InputError or a model, never a crash.
  const Json values[] = {nullptr,       true,          -1, 0, 1, 65'536, 1e300, "x",
                         Json::array(), Json::object()};
  for (const std::string& name : builtin_config_names("models")) {
    const Json config = of(name);
    for (const auto& [key, ignored] : config.items())
      for (const Json& value : values) {
        Json changed = config;
        changed[key] = value;
        try {
          const ModelSpec m = parse_model(changed.dump(), name, name);
          EXPECT_GT(count_parameters(m).total(), 0);
          EXPECT_GT(active_parameters(m), 0);
          EXPECT_GE(kv_token_bytes(m, {}).value(), 0);
        } catch (const InputError&) {
        }
      }
  }
}

TEST(HfConfig, CountsTheWindowedLayersOfQwenOnlyWhenSwitchedOn) {
  Json config = of("qwen2.5-72b");
  EXPECT_EQ(parse_model(config.dump(), "q", "q").layer_count(Mixer::kLocal), 0);
  config["use_sliding_window"] = true;
  config["max_window_layers"] = 70;
  EXPECT_EQ(parse_model(config.dump(), "q", "q").layer_count(Mixer::kLocal), 10);
}

TEST(HfConfig, ReadsQuantisedCheckpoints) {
  Json config = llama();
  config["quantization_config"] = {{"quant_method", "awq"}, {"bits", 4}};
  EXPECT_EQ(parse_model(config.dump(), "q", "q").stored, DType::kInt4);
}

}  // namespace
}  // namespace kvsim
