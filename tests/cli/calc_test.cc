// kvsim calc gives the textbook's answers, and says in which units.
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/cli/calc_sheet.h"
#include "sim/cli/verbs.h"
#include "sim/core/config_view.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

std::string printed(const std::vector<std::string>& arguments) {
  testing::internal::CaptureStdout();
  const int code = calc_verb(arguments);
  std::fflush(stdout);
  std::string text = testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, kExitOk);
  return text;
}

Json json_of(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  return Json::parse(printed(arguments));
}

std::string error_of(const std::vector<std::string>& arguments) {
  try {
    (void)calc_verb(arguments);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

void expect_line(const std::string& text, const std::string& line) {
  EXPECT_NE(text.find(line), std::string::npos) << "no '" << line << "' in\n" << text;
}

TEST(Calc, Llama70bTakes320KibATokenAndTenGibFor32K) {
  const Json j = json_of({"--model", "llama-3-70b", "--dtype", "fp16", "--kv-dtype", "fp16",
                          "--gpus", "8", "--device", "h100", "--context", "32K"});
  EXPECT_EQ(j["token_bytes"], 327'680);
  EXPECT_EQ(j["concurrency"][0]["context_tokens"], 32'768);
  EXPECT_EQ(j["concurrency"][0]["request_bytes"], std::int64_t{10} << 30);
}

TEST(Calc, EightH100sServe375RequestsAt4KAnd47At32K) {
  // 8 x 80 GB - 140 GB - 20 GB = 480 GB. A textbook reads 327,680 B as 320 KB and 4K as 4,000:
  // 1.5 M tokens, 375 requests, 46.9 at 32K. In bytes and powers of two it is 357 and 44.
  const std::vector<std::string> asked{"--model",      "llama-3-70b", "--device",     "h100",
                                       "--gpus",       "8",           "--weights-gb", "140",
                                       "--runtime-gb", "20",          "--context",    "4K,32K"};
  const std::string text = printed(asked);
  expect_line(text,
              "left for KV            480,000,000,000 bytes    447.03 GiB    480.00 GB  exact");
  expect_line(text,
              "RESULT  1,464,832 tokens of KV: 357 requests of 4,096 tokens, 44 requests of 32,768 "
              "tokens  [exact]");
  expect_line(
      text,
      "textbook units (320 KB a token, 1K = 1,000): 1.50 M tokens, 375 requests at 4K, 46.9 "
      "(about 47) requests at 32K");
  const Json j = json_of(asked);
  EXPECT_EQ(j["kv_bytes"], 480'000'000'000);
  EXPECT_EQ(j["capacity_tokens"], 1'464'832);  // 1,464,843 before rounding to blocks
  EXPECT_EQ(j["textbook"]["tokens"], 1.5e6);
  EXPECT_EQ(j["textbook"]["requests"][0]["requests"], 375.0);
  EXPECT_EQ(j["textbook"]["requests"][1]["requests"], 46.875);
}

TEST(Calc, Opt13bHas15728SlotsIn12Gib) {
  const Json j = json_of({"--model", "opt-13b", "--device", "a100-40gb", "--kv-gib", "12"});
  EXPECT_EQ(j["token_bytes"], 819'200);
  EXPECT_EQ(j["capacity_tokens"], 15'728);
}

TEST(Calc, EightKvHeadsSaveEightfoldOver64) {
  const Json j = json_of({"--model", "llama-3-70b", "--gpus", "4"});
  EXPECT_EQ(j["variants"][0]["name"], "MHA, 64 KV heads");
  EXPECT_EQ(j["variants"][0]["layer_bytes"], 32'768);
  EXPECT_EQ(j["variants"][1]["layer_bytes"], 4'096);
  EXPECT_EQ(j["variants"][1]["saving"], 8.0);
  EXPECT_EQ(j["variants"][1]["this_model"], true);
  EXPECT_EQ(j["variants"][2]["name"], "MQA, 1 KV head");
  EXPECT_EQ(j["variants"][3]["layer_bytes"], (512 + 64) * 2);
}

TEST(Calc, MarksWhatItEstimates) {
  const std::string text = printed({"--model", "llama-3.1-8b", "--device", "h200"});
  expect_line(text, "estimated  NVIDIA H200 SXM 141 GB; drivers differ by some 0.1 GiB");
  expect_line(text, "exact      gpu_memory_utilization 0.92");
  expect_line(text, "estimated  context, graphs, activations of 8192 tokens");
  expect_line(text, "[estimated]");
  const Json pinned = json_of({"--set", "/cache/num_gpu_blocks_override=1000"});
  EXPECT_EQ(pinned["certainty"], "exact");
  EXPECT_EQ(pinned["capacity_tokens"], 16'000);
}

TEST(Calc, TellsWhatWouldHelpAModelThatDoesNotFit) {
  const std::string text = printed({"--model", "llama-3-70b", "--device", "h100"});
  expect_line(text, "RESULT  does not fit: -60.46 GiB left for KV on 1 GPU");
  expect_line(text, "try --tp 2 ");
  expect_line(text, "try --dtype fp8 ");
  expect_line(text, "try --device b200 ");
}

TEST(Calc, LimitsHybridsByTheirStates) {
  const Json j = json_of({"--model", "jamba-v0.1", "--gpus", "2", "--max-num-seqs", "64", "--set",
                          "/cache/groups=uniform"});
  EXPECT_EQ(j["concurrency"][0]["requests"], 64);
}

TEST(Calc, ShowsTheGroupsOfAModelThatMixesLayers) {
  const std::vector<std::string> model{"--model", "gemma-2-9b", "--kv-gib",
                                       "21",      "--context",  "4096,8192"};
  const std::string text = printed(model);
  expect_line(text, "2 groups of up to 21 layers, blocks of 16 tokens, pages of 131,072 bytes");
  expect_line(text, "group 0        21 layers: the last 4,096 tokens");
  expect_line(text, "group 1        21 layers: every token");
  // 8,192 blocks of 21 * 16 * 8,192 bytes; 512 + 256 of them for 8,192 tokens.
  const Json j = json_of(model);
  EXPECT_EQ(j["capacity_blocks"], 8192);
  EXPECT_EQ(j["concurrency"][1]["request_blocks"], 768);
  EXPECT_EQ(j["concurrency"][1]["requests"], 10);
  EXPECT_EQ(j["concurrency"][0]["uniform_waste"], 0.0);
  EXPECT_EQ(j["concurrency"][1]["uniform_waste"], 0.25);
  expect_line(text, "uniform paging would waste 25.00 %");
}

TEST(Calc, CountsImageTokensInCrossAttentionLayers) {
  const Json j = json_of({"--model", "llama-3.2-11b-vision", "--kv-gib", "8", "--context", "43",
                          "--image-tokens", "6193"});
  EXPECT_EQ(j["concurrency"][0]["request_blocks"], 4 * 3 + 388);
  EXPECT_NEAR(j["concurrency"][0]["uniform_waste"].get<double>(), 0.796, 0.0005);
}

TEST(Calc, KeepsMambaStatesInTheirGroups) {
  const std::string text = printed({"--model", "jamba-v0.1", "--gpus", "2"});
  expect_line(text, "8 groups of up to 4 layers, blocks of 80 tokens, pages of 163,840 bytes");
  expect_line(text, "4.37 % padding");
  expect_line(text, "groups 0 to 6  28 layers: one state");
}

TEST(Calc, CountsReplicas) {
  const Json one = json_of({"--gpus", "2", "--tp", "2"});
  const Json four = json_of({"--gpus", "8", "--tp", "2"});
  EXPECT_EQ(four["replicas"], 4);
  EXPECT_EQ(four["capacity_tokens"], 4 * one["capacity_tokens"].get<std::int64_t>());
}

TEST(Calc, SaysWhatIsWrong) {
  EXPECT_EQ(error_of({"--contxt", "3"}),
            "kvsim calc: --contxt: unknown option (did you mean '--context'?); see kvsim calc "
            "--help");
  EXPECT_EQ(error_of({"--context", "4K,x"}),
            "kvsim calc: --context: expected an integer from 1 to 134217728, got 'x'");
  EXPECT_EQ(error_of({"--kv-gb", "nan"}),
            "kvsim calc: --kv-gb: expected a number from 0 to 1000000, got 'nan'");
  EXPECT_EQ(error_of({"--kv-gb", "1", "--kv-gib", "1"}),
            "kvsim calc: --kv-gib: say it once: --kv-gb is there too");
  EXPECT_EQ(error_of({"--gpus", "6", "--tp", "4"}),
            "kvsim calc: --gpus: expected a multiple of the 4 GPUs of one replica, got 6");
  EXPECT_EQ(error_of({"--gpus", "3"}),
            "--gpus: /tensor_parallel_size: 32 attention heads cannot be cut 3 ways; use a divisor "
            "of 32");
  EXPECT_EQ(error_of({"--device", "h20"}),
            "--device: /device: no device named 'h20'; known: a10, a100-40gb, a100-80gb, b200, "
            "h100, h200, l4, l40s, rtx-4090 (did you mean 'h200'?)");
  EXPECT_EQ(error_of({"what"}), "kvsim calc: what: takes options only; see kvsim calc --help");
}

// Every key at the top of its range, on as many GPUs as can be asked for: no sum may overflow.
TEST(Calc, SurvivesTheLargestModelThatCanBeWritten) {
  const std::string path = testing::TempDir() + "kvsim_monster.json";
  std::ofstream(path) << R"({
    "model_type": "deepseek_v3", "torch_dtype": "bfloat16", "hidden_size": 65536,
    "vocab_size": 16777216, "max_position_embeddings": 134217728, "intermediate_size": 262144,
    "num_attention_heads": 1024, "num_hidden_layers": 512, "head_dim": 1024, "q_lora_rank": 16384,
    "kv_lora_rank": 16384, "qk_rope_head_dim": 1024, "qk_nope_head_dim": 1024, "v_head_dim": 1024,
    "moe_intermediate_size": 262144, "n_routed_experts": 1024, "num_experts_per_tok": 1024,
    "n_shared_experts": 1024, "first_k_dense_replace": 0})";
  for (const std::string tensor : {"1", "1024"})
    for (const std::string pipeline : {"1", "512"}) {
      const Json j = json_of({"--model", path, "--tp", tensor, "--pp", pipeline, "--kv-gb",
                              "1000000", "--block-size", "8192"});
      EXPECT_GT(j["parameters"].get<std::int64_t>(), 0);
      for (const auto& row : j["concurrency"])
        EXPECT_GT(row["request_bytes"].get<std::int64_t>(), 0);
    }
}

TEST(Calc, SurvivesEveryCombinationOfModelDeviceAndCut) {
  for (const std::string model : {"deepseek-v3", "gemma-2-9b", "jamba-v0.1", "opt-13b"})
    for (const std::string device : {"b200", "l4"})
      for (const std::string gpus : {"1", "8", "64", "100000"})
        for (const std::string block : {"1", "8192"}) {
          const std::vector<std::string> asked{
              "--model",   model,      "--device",     device, "--gpus",         gpus,
              "--tp",      "1",        "--block-size", block,  "--max-num-seqs", "1000000",
              "--context", "1,131072K"};
          const Json j = json_of(asked);
          EXPECT_GE(j["capacity_tokens"].get<std::int64_t>(), 0);
          std::int64_t last = std::numeric_limits<std::int64_t>::max();
          for (const auto& row : j["concurrency"]) {
            EXPECT_GT(row["request_bytes"].get<std::int64_t>(), 0);
            EXPECT_LE(row["requests"].get<std::int64_t>(), last);
            last = row["requests"].get<std::int64_t>();
          }
        }
}

}  // namespace
}  // namespace kvsim
