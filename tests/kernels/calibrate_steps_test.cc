// Whole steps without a GPU: what a run recorded is read back, a model's matrices are those of its
// config, and prices add up.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/files.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/recorded_steps.h"
#include "kernels/calibrate/host/step_price.h"
#include "kernels/calibrate/host/validation.h"
#include "tests/support/program.h"

namespace kvsim::calibrate {
namespace {

const std::string kModels = KVSIM_SOURCE_DIR "/configs/models/";

template <class Action>
std::string complaint(Action action) {
  try {
    action();
  } catch (const BadInput& problem) {
    return problem.what();
  }
  return "";
}

TEST(CalibrateModel, MatricesOfLlama8b) {
  const ModelShape m = read_model(kModels + "llama-3.1-8b.json");
  EXPECT_EQ(m.layers, 32);
  EXPECT_EQ(m.heads, (Heads{32, 8, 128}));
  // 6144 x 4096, 4096 x 4096, 28672 x 4096, 4096 x 14336 weights a layer, and the head's.
  double weights = 1.0 * m.vocabulary * m.hidden;
  for (const GemmCase& g : layer_gemms(m, 7)) {
    EXPECT_EQ(g.m, 7);
    weights += 1.0 * m.layers * g.n * g.k;
  }
  // 8,030,261,248 parameters by its card, less the embedding's (as large as the head) and 65 norms.
  EXPECT_EQ(weights, 8030261248.0 - 128256.0 * 4096 - 65 * 4096);
}

TEST(CalibrateModel, HeadDimOfItsOwn) {
  EXPECT_EQ(read_model(kModels + "qwen3-14b.json").heads, (Heads{40, 8, 128}));
}

TEST(CalibrateModel, RefusesWhatItCannotTime) {
  const ScratchFolder folder;
  const std::string experts = kModels + "mixtral-8x7b.json";
  EXPECT_EQ(complaint([&] { (void)read_model(experts); }),
            experts + ": num_local_experts: only dense models with ordinary attention are timed");
  const std::string file = folder.with("m.json", R"({"num_hidden_layers": 2.5})");
  EXPECT_EQ(complaint([&] { (void)read_model(file); }),
            file + ": num_hidden_layers: expected a whole number from 1 on");
  const std::string odd = folder.with(
      "odd.json", R"({"num_hidden_layers":2,"hidden_size":96,"intermediate_size":8,"vocab_size":9,
                      "num_attention_heads":1})");
  EXPECT_EQ(complaint([&] { (void)read_model(odd); }),
            odd + ": head_dim 96: there are kernels for 64, 128 and 256");
  EXPECT_EQ(complaint([&] { (void)read_model("no-such"); }),
            "configs/models/no-such.json: cannot read it: No such file or directory");
}

/// A folder with a config and these steps.
class Recording {
 public:
  explicit Recording(const std::string& steps, const std::string& kv = "auto") {
    (void)folder_.with("r/config.json", R"({"tensor_parallel_size":1,"model":")" + kModels +
                                            R"(llama-3.1-8b.json","cache":{"kv_cache_dtype":")" +
                                            kv + R"("},"host":{"step_us":500,"sequence_us":3}})");
    (void)folder_.with("r/steps.jsonl", steps);
  }
  [[nodiscard]] std::string path() const { return folder_ / "r"; }

 private:
  ScratchFolder folder_;
};

TEST(CalibrateSteps, DecodesAndChunksOfARecording) {
  const Recording recording(
      R"({"step":9,"took_us":1512,"block_tokens":4,"work":[)"
      R"({"context":5,"compute":1,"blocks":[8,3]},{"context":4,"compute":6,"blocks":[1,2,0]},)"
      R"({"context":0,"compute":1,"blocks":[7]},{"context":7,"compute":1,"blocks":[8,4]}]})"
      "\n");
  const RecordedRun run = read_run(recording.path());
  ASSERT_EQ(run.steps.size(), 1U);
  const RecordedStep& step = run.steps[0];
  EXPECT_EQ(step.number, 9);
  EXPECT_EQ(step.page, 4);
  EXPECT_EQ(step.predicted, 1512 - 500 - 4 * 3);  // the host's share is not of the kernels
  EXPECT_EQ(step.work.lengths, (std::vector<std::int32_t>{6, 8}));
  EXPECT_EQ(step.decode_blocks, (std::vector<std::vector<std::int32_t>>{{8, 3}, {8, 4}}));
  ASSERT_EQ(step.work.chunks.size(), 2U);  // a first token is a prompt
  EXPECT_EQ(step.work.chunks[0].fresh, 6);
  EXPECT_EQ(step.work.chunks[0].prior, 4);
  EXPECT_EQ(step.prefill_blocks[0], (std::vector<std::int32_t>{1, 2, 0}));
  EXPECT_EQ(tokens_of(step.work), 6 + 8 + 10 + 1);
}

TEST(CalibrateSteps, NamesTheLineOfWhatIsWrong) {
  const std::string good =
      R"({"step":0,"took_us":900,"block_tokens":4,"work":[{"context":3,"compute":1,"blocks":[8]}]})";
  const auto said = [](const std::string& steps) {
    const Recording recording(steps);
    const std::string text = complaint([&] { (void)read_run(recording.path()); });
    const std::string file = recording.path() + "/steps.jsonl";
    return text.starts_with(file) ? text.substr(file.size()) : text;
  };
  EXPECT_EQ(said(good + "\n{\n"), ":2: line 1: expected a key");
  EXPECT_EQ(said("{}\n"), ":1: no key 'step'");
  EXPECT_EQ(said(""), ": no steps");
  std::string wrong = good;
  EXPECT_EQ(said(wrong.replace(wrong.find("[8]"), 3, "[-1]")),
            ":1: expected a whole number from 0 on, got -1");
  wrong = good;
  EXPECT_EQ(said(wrong.replace(wrong.find("[8]"), 3, "[8,9]")),
            ":1: 4 tokens do not lie in 2 blocks of 4");
  const Recording int4(good, "int4");
  EXPECT_EQ(complaint([&] { (void)read_run(int4.path()); }),
            int4.path() + "/config.json: /cache/kv_cache_dtype: no kernels for 'int4' steps yet");
  EXPECT_EQ(complaint([] { (void)read_run("/nowhere"); }),
            "/nowhere/config.json: cannot read it: No such file or directory");
}

TEST(CalibrateSteps, ReadsWhatKvsimRunWrites) {
  const ScratchFolder folder;
  const std::string run = folder / "run";
  ASSERT_EQ(run_program("run --set /model=" + kModels +
                        "llama-3.1-8b.json --set /device=h200 --steps 5 --out " + run)
                .code,
            0);
  const RecordedRun recorded = read_run(run);
  ASSERT_EQ(recorded.steps.size(), 5U);
  for (const RecordedStep& step : recorded.steps) {
    EXPECT_GT(step.predicted, 3000);  // the weights alone: 15 GB at 4.8 TB/s
    EXPECT_EQ(step.decode_blocks.size(), step.work.lengths.size());
    EXPECT_EQ(step.prefill_blocks.size(), step.work.chunks.size());
  }
}

// ---- prices ----

Sample sample(const std::string& family, const What& what, double us) {
  return {{family, "", what}, features_of(what, 132), {us, us, us, 11}};
}

TEST(CalibrateSteps, APriceIsTheSumOfItsLaunches) {
  ModelShape m = read_model(kModels + "llama-3.1-8b.json");
  m.layers = 10;
  StepCase step;
  step.lengths = {1000, 1000};
  std::vector<Sample> samples;
  DecodeCase decode;
  decode.lengths = step.lengths;
  samples.push_back(sample("decode", decode, 20));
  for (const GemmCase& g : layer_gemms(m, 2)) samples.push_back(sample("gemm", g, 30));
  samples.push_back(sample("gemm", GemmCase{2, m.vocabulary, m.hidden}, 300));
  samples.push_back(sample("append", AppendCase{m.heads, "bf16", 2}, 3));
  samples.push_back(sample("elementwise", ElementwiseCase{"add_rms_norm", 2, m.hidden}, 4));
  samples.push_back(sample("elementwise", ElementwiseCase{"silu_mul", 2, m.intermediate}, 5));
  samples.push_back(sample("elementwise", ElementwiseCase{"embed", 2, m.hidden}, 6));
  EXPECT_FALSE(step_us(fit_laws(samples), m, step, 132).has_value());  // argmax is missing
  samples.push_back(sample("elementwise", ElementwiseCase{"argmax", 2, m.vocabulary}, 7));
  const auto us = step_us(fit_laws(samples), m, step, 132);
  ASSERT_TRUE(us.has_value());
  const double expected = 10 * (20 + 4 * 30 + 3 + 2 * 4 + 5) + 300 + 6 + 7;
  EXPECT_NEAR(*us, expected, 0.01 * expected);
  step.chunks.push_back({512, 0});
  EXPECT_FALSE(step_us(fit_laws(samples), m, step, 132).has_value());  // no law for prefill
}

TEST(CalibrateValidation, ErrorsByHand) {
  const std::vector<ReplayedStep> steps{{1, 100, 110, {100, 99, 101, 11}},
                                        {2, 200, 196, {200, 199, 201, 11}},
                                        {3, 300, 306, {300, 299, 301, 11}}};
  const std::string text = validation_text(steps);
  EXPECT_NE(text.find("         2         200         196.0        200.0   -2.0 %\n"),
            std::string::npos)
      << text;
  // Errors 10, 2 and 2 %; their mean with signs (10 - 2 + 2) / 3.
  EXPECT_NE(text.find("3 steps: error median 2.0 %, p95 10.0 %, bias +3.3 %\n"), std::string::npos)
      << text;
  EXPECT_EQ(validation_text({}), "no steps\n");
  EXPECT_NEAR(validation_json(steps).at("bias").number(), 0.1 / 3, 1e-9);
}

TEST(CalibrateFiles, AreWholeOrNotThere) {
  const ScratchFolder folder;
  write_file(folder / "a/b.json", "{}");
  EXPECT_EQ(read_file(folder / "a/b.json"), "{}");
  write_file(folder / "a/b.json", "[]");
  EXPECT_EQ(read_file(folder / "a/b.json"), "[]");
  const std::string under_a_file = folder / "a/b.json/c.json";
  EXPECT_EQ(complaint([&] { write_file(under_a_file, "x"); }), under_a_file + ": cannot write it");
  const std::string a_folder = folder / "a";
  EXPECT_EQ(complaint([&] { (void)read_file(a_folder); }),
            a_folder + ": cannot read it: Is a directory");
}

}  // namespace
}  // namespace kvsim::calibrate
