// A pasted vllm serve line, and the line that a config is served with.
#include "sim/cli/vllm/args.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/cli/vllm/flags.h"
#include "sim/cli/vllm/model_names.h"
#include "sim/cli/vllm/serve_line.h"
#include "sim/cli/vllm/shell_words.h"
#include "sim/model/builtin_configs.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

using Words = std::vector<std::string>;
using Json = nlohmann::ordered_json;

Json settings_of(const std::string& line) {
  ConfigView config;
  (void)set_vllm_args(line, config);
  return config.identity();
}

std::string refusal(const std::string& line) {
  try {
    ConfigView config;
    (void)set_vllm_args(line, config);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(ShellWords, PartsAsAShellDoes) {
  EXPECT_EQ(shell_words("a  'b c' \"d \\\" e\" f\\ g \\\n  h '' # comment\n i > log | tee x", "o"),
            (Words{"a", "b c", "d \" e", "f g", "h", "", "i"}));
  EXPECT_EQ(shell_words("a=1 b 2>&1", "o"), (Words{"a=1", "b"}));
  EXPECT_EQ(shell_words("'{\"k\": 1}'x", "o"), Words{"{\"k\": 1}x"});
  EXPECT_THROW((void)shell_words("a 'b", "o"), InputError);
}

TEST(ShellWords, ComeBackAsTheyWere) {
  for (const std::string word : {"plain/1.5-x", "two words", "", "it's", "{\"a\": \"$b\"}", "a\\b"})
    EXPECT_EQ(shell_words(shell_quoted(word), "o"), Words{word});
}

TEST(VllmArgs, ReadsALineAsPeoplePasteIt) {
  EXPECT_EQ(settings_of("CUDA_VISIBLE_DEVICES=0,1 vllm serve meta-llama/Llama-3.1-70B-Instruct \\\n"
                        "  --tensor-parallel-size=4 --max_model_len 32K --no-enable-prefix-caching "
                        "\\\n  --max-num-seqs 512 --kv-cache-dtype fp8_e4m3 --port 8000\n"),
            Json({{"/cache/enable_prefix_caching", false},
                  {"/cache/kv_cache_dtype", "fp8"},
                  {"/max_model_len", 32768},
                  {"/model", "llama-3.1-70b"},
                  {"/scheduler/max_num_seqs", 512},
                  {"/tensor_parallel_size", 4}}));
  EXPECT_EQ(settings_of("docker run --gpus all vllm/vllm-openai:v0.11.0 --model Qwen/Qwen3-14B-FP8 "
                        "-tp 2 -q fp8"),
            Json({{"/dtype", "fp8"}, {"/model", "qwen3-14b"}, {"/tensor_parallel_size", 2}}));
  EXPECT_EQ(settings_of("python3 -m vllm.entrypoints.openai.api_server --block-size 32 "
                        "--speculative-config '{\"method\": \"ngram\", "
                        "\"num_speculative_tokens\": 3}'"),
            Json({{"/cache/block_size", 32},
                  {"/speculative/method", "ngram"},
                  {"/speculative/num_speculative_tokens", 3}}));
}

TEST(VllmArgs, TellsWhatItPassedOver) {
  ConfigView config;
  EXPECT_EQ(set_vllm_args("vllm serve llama-3.1-8b --enforce-eager --port 80 --max-num-seq 3 "
                          "--no-enable-lora --kv-transfer-config '{\"kv_connector\": \"x\"}'",
                          config),
            (Words{"warning: --enforce-eager is not modelled and would change results: no CUDA "
                   "graphs: each step takes longer",
                   "warning: --max-num-seq is not known here and ignored; it may change results "
                   "(did you mean '--max-num-seqs'?)",
                   "warning: --kv-transfer-config is not modelled and would change results: KV "
                   "moves between engines, or to a store",
                   "ignored --port: it changes nothing here"}));
  EXPECT_EQ(config.integer("/scheduler/max_num_seqs"), 256);
}

TEST(VllmArgs, RefusesInOneLine) {
  EXPECT_EQ(refusal("sglang serve x"),
            "--vllm-args: sglang: expected vllm serve MODEL --flag value ...");
  EXPECT_EQ(refusal(""), "--vllm-args: '': expected vllm serve MODEL --flag value ...");
  EXPECT_EQ(refusal("vllm serve llama-3.1-8b --block-size"),
            "--vllm-args: --block-size: expected a value");
  EXPECT_EQ(refusal("vllm serve llama-3.1-8b --block-size 0"),
            "--vllm-args: /cache/block_size: expected 1 to 8192, got 0");
  EXPECT_EQ(refusal("vllm serve llama-3.1-8b qwen3-14b"),
            "--vllm-args: qwen3-14b: a word too many: a flag starts with --");
  EXPECT_EQ(refusal("vllm serve llama-3.1-8b --speculative-config ngram"),
            "--vllm-args: --speculative-config: expected a JSON object, got 'ngram'");
  const std::string unknown = refusal("vllm serve meta-llama/Lama-3.1-8B");
  EXPECT_TRUE(unknown.starts_with("--vllm-args: meta-llama/Lama-3.1-8B: no built-in model"));
  EXPECT_NE(unknown.find("did you mean 'llama-3.1-8b'?"), std::string::npos) << unknown;
}

// Published repositories, as they are called on Hugging Face.
TEST(ModelNames, KnowsThePublishedOnes) {
  for (const auto& [repository, name, quantised] :
       {std::tuple{"meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b", ""},
        {"meta-llama/Meta-Llama-3-70B-Instruct", "llama-3-70b", ""},
        {"neuralmagic/Meta-Llama-3.1-70B-Instruct-FP8", "llama-3.1-70b", "fp8"},
        {"RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "llama-3.1-8b", "int4"},
        {"meta-llama/Llama-2-7b-chat-hf", "llama-2-7b", ""},
        {"mistralai/Mistral-7B-Instruct-v0.1", "mistral-7b", ""},
        {"mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b", ""},
        {"Qwen/Qwen2.5-72B-Instruct-AWQ", "qwen2.5-72b", "int4"},
        {"google/gemma-2-9b-it", "gemma-2-9b", ""},
        {"openai/gpt-oss-20b", "gpt-oss-20b", ""},
        {"deepseek-ai/DeepSeek-V3", "deepseek-v3", ""}}) {
    const auto known = known_model(repository);
    ASSERT_TRUE(known) << repository;
    EXPECT_EQ(known->name, name);
    EXPECT_EQ(known->quantised.value_or(""), quantised) << repository;
  }
  EXPECT_FALSE(known_model("meta-llama/Llama-3.3-9B"));
  // Every model of ours has a repository, and that leads back to a model of its shape.
  for (const std::string& model : builtin_config_names("models")) {
    ASSERT_TRUE(repository_of(model)) << model;
    EXPECT_EQ(known_model(*repository_of(model)).value_or(KnownModel{}).name, model);
    EXPECT_EQ(known_model(model).value_or(KnownModel{}).name, model);
  }
}

// What is written is read back as the same settings.
TEST(ServeLine, ComesBackThroughVllmArgs) {
  ConfigView config;
  for (const char* set : {"/model=llama-3.1-70b", "/tensor_parallel_size=4", "/max_model_len=8192",
                          "/dtype=fp8", "/cache/kv_cache_dtype=fp8", "/cache/block_size=32",
                          "/cache/enable_prefix_caching=false", "/scheduler/max_num_seqs=64",
                          "/scheduler/policy=priority", "/scheduler/async_scheduling=true",
                          "/speculative/method=ngram", "/speculative/num_speculative_tokens=4"})
    config.set(set);
  const Words lines = serve_lines(config);
  ASSERT_EQ(lines.size(), 1U) << lines.back();
  EXPECT_EQ(settings_of(lines[0]), config.identity());
}

TEST(ServeLine, SaysWhatNoFlagSays) {
  ConfigView config;
  config.set("/cache/eviction=lfu");
  config.set("/device=h100");
  config.set("/replicas=4");
  EXPECT_EQ(serve_lines(config).back(), "# /cache/eviction=lfu has no flag in vLLM");
  config.set("/scheduler/batching=sglang");
  config.set("/cache/allocator=radix");
  config.set("/tensor_parallel_size=2");
  const Words lines = serve_lines(config);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("python -m sglang.launch_server --model-path "));
  EXPECT_TRUE(lines[0].ends_with(" --tp-size 2 --radix-eviction-policy lfu"));
}

TEST(VllmArgs, WorksOnEveryVerbThatTakesAConfig) {
  const std::string args = "--vllm-args 'vllm serve meta-llama/Llama-3.1-8B --block-size 32' ";
  const Outcome run = run_program("run --json --set /workload/limit=5 " + args);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(Json::parse(run.out)["kv"]["block_tokens"], 32);
  const Outcome set =
      run_program("run --json --set /workload/limit=5 --set /cache/block_size=8 " + args);
  EXPECT_EQ(Json::parse(set.out)["kv"]["block_tokens"], 8) << "--set has the last word";
  EXPECT_NE(run_program("calc " + args).out.find("32 tokens"), std::string::npos);
  EXPECT_EQ(run_program("compare --csv --no-optimal --set /cache/eviction=lru,fifo " + args).code,
            0);
}

TEST(VllmLog, PinsTheBlocksThatTheServerFound) {
  const ScratchFolder folder;
  const std::string log =
      folder.with("vllm.log",
                  "INFO 11-21 kv_cache_utils.py:864] GPU KV cache size: 288,608 tokens\n"
                  "INFO 11-21 kv_cache_utils.py:868] Maximum concurrency for 65,536 tokens per "
                  "request: 4.40x\n");
  const Outcome run = run_program("run --json --set /workload/limit=5 --vllm-log " + log);
  ASSERT_EQ(run.code, 0) << run.err;
  // vLLM counts its null block; nobody can use it.
  EXPECT_EQ(Json::parse(run.out)["kv"]["capacity_blocks"], 288'608 / 16 - 1);
  EXPECT_EQ(run.err, "kvsim run: " + log + ": /max_model_len=65536\nkvsim run: " + log +
                         ": /cache/num_gpu_blocks_override=18038, for 288,608 tokens in blocks of "
                         "16\n");
  const std::string older = folder.with("older.log",
                                        "rank 0] # GPU blocks: 2000, # CPU blocks: 10\n"
                                        "rank 1] # GPU blocks: 1900, # CPU blocks: 10\n");
  const Outcome ranks = run_program("run --json --set /workload/limit=5 --vllm-log " + older);
  EXPECT_EQ(Json::parse(ranks.out)["kv"]["capacity_blocks"], 1899) << "the smallest rank counts";
}

TEST(VllmLog, RefusesInOneLine) {
  const ScratchFolder folder;
  const std::string log = folder.with("empty.log", "INFO hello\n");
  expect_refused("run --vllm-log " + log,
                 log +
                     ": no line of its KV cache: expected 'GPU KV cache size: N tokens' or "
                     "'# GPU blocks: N', as vLLM prints when it starts\n");
  const std::string tokens = folder.with("tokens.log", "GPU KV cache size: 288,608 tokens\n");
  const Outcome groups = run_program("run --set /model=gpt-oss-20b --vllm-log " + tokens);
  EXPECT_EQ(groups.code, 0) << "--set comes after the log";
  const Outcome hybrid =
      run_program("run --vllm-args 'vllm serve openai/gpt-oss-20b' --vllm-log " + tokens);
  EXPECT_EQ(hybrid.code, 2);
  EXPECT_NE(hybrid.err.find("tokens do not say blocks"), std::string::npos) << hybrid.err;
}

}  // namespace
}  // namespace kvsim
