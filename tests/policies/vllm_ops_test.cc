// The decisions of `vllm` batching over `paged` memory, step by step, against what vLLM's own
// scheduler (July 2026) answered on the same requests: who is scheduled with how many tokens, who
// is preempted, admitted with which hits, how much is free. Recordings are not part of the
// repository: set KVSIM_OPS to the folder that holds them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "sim/model/scheduler.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using Json = nlohmann::json;

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) rows.push_back(Json::parse(line));
  return rows;
}

// A scheduler and its memory, driven the way a replica drives them.
class Recorded {
 public:
  explicit Recorded(const Json& op) : block_(op["block_size"].get<std::int64_t>()) {
    config_.set("/scheduler/policy", op["policy"].get<std::string>(), "ops");
    config_.set("/scheduler/max_num_seqs", op["max_num_seqs"].get<int>(), "ops");
    config_.set("/scheduler/max_num_batched_tokens", op["max_num_batched_tokens"].get<int>(),
                "ops");
    config_.set("/scheduler/long_prefill_token_threshold",
                op.value("long_prefill_token_threshold", 0), "ops");
    longest_ = Tokens(op["max_model_len"].get<std::int64_t>());
    memory_ = Registry<Allocator>::make(
        "paged", {block_ * op["num_blocks"].get<std::int64_t>(), block_, longest_, config_});
    scheduler_ = Registry<Scheduler>::make("vllm", {sequences_, *memory_, longest_, config_});
  }

  void add(const Json& op) {
    const SequenceId id = sequences_.take();
    if (id.index >= names_.size()) names_.resize(id.index + 1);
    names_[id.index] = op["id"].get<std::string>();
    Sequence& s = sequences_[id];
    s = Sequence{};
    s.id = id;
    s.request.id = added_++;
    s.request.arrival = Time(Duration(op["arrival"].get<std::int64_t>()));
    s.request.priority = op["priority"].get<int>();
    for (const Json& token : op["tokens"])
      s.request.content.append({kVocabulary, token.get<std::int64_t>(), 1});
    s.request.prompt = s.request.content.tokens();
    s.request.output = Tokens(op["max_tokens"].get<std::int64_t>());
    s.request.content.append({kVocabulary, 100'000, s.request.output.value()});
    scheduler_->enqueue(id);
  }

  Json step() {
    StepPlan plan;
    scheduler_->plan(plan);
    Json record{{"scheduled", Json::object()},
                {"preempted", Json::array()},
                {"new", Json::array()},
                {"new_computed", Json::object()},
                {"resumed", Json::array()}};
    for (const SequenceId id : plan.preempted) {
      record["preempted"].push_back(name(id));
      std::erase(running_, id);
    }
    for (const Admission& admission : plan.admitted) {
      Sequence& s = sequences_[admission.sequence];
      record[s.admitted ? "resumed" : "new"].push_back(name(s.id));
      if (!s.admitted) record["new_computed"][name(s.id)] = admission.hit.value();
      s.admitted = true;
      running_.push_back(s.id);
    }
    for (const StepWork& work : plan.work)
      record["scheduled"][name(work.sequence)] = work.compute.value();
    record["free_after_schedule"] = free_blocks();
    for (const StepWork& work : plan.work) sample(sequences_[work.sequence]);
    record["running"] = Json::array();
    record["num_computed"] = Json::object();
    for (const SequenceId id : running_) {
      record["running"].push_back(name(id));
      record["num_computed"][name(id)] = sequences_[id].computed.value();
    }
    record["finished"] = finished_;
    record["free"] = free_blocks();
    memory_->check_books();
    return record;
  }
  [[nodiscard]] std::size_t waiting() const { return scheduler_->waiting(); }

 private:
  [[nodiscard]] const std::string& name(SequenceId id) const { return names_[id.index]; }
  [[nodiscard]] std::int64_t free_blocks() const {
    const MemoryUse use = memory_->memory();
    return (use.free + use.cached) / block_;
  }
  void sample(Sequence& s) {
    if (s.computed < s.tokens()) return;
    s.generated += Tokens(1);
    if (!s.finished() && s.tokens() < longest_) return;
    std::vector<SequenceId> done;
    scheduler_->retire(s.id, done);
    memory_->release(s, Release::kFinished);
    finished_.insert(name(s.id));
    std::erase(running_, s.id);
  }

  Tokens block_;
  Tokens longest_;
  ConfigView config_;
  Sequences sequences_;
  std::vector<std::string> names_;
  std::unique_ptr<Allocator> memory_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<SequenceId> running_;
  std::set<std::string> finished_;
  std::uint64_t added_ = 0;
};

class VllmOps : public testing::TestWithParam<std::string> {};

TEST_P(VllmOps, DecidesAsVllmDid) {
  const char* folder = std::getenv("KVSIM_OPS");
  if (folder == nullptr) GTEST_SKIP() << "KVSIM_OPS names no folder of recordings";
  const auto path = std::filesystem::path(folder) / GetParam();
  const auto ops = lines_of(path.string() + ".ops.jsonl");
  const auto expected = lines_of(path.string() + ".expected.jsonl");
  ASSERT_EQ(ops.size(), expected.size());
  ASSERT_GT(ops.size(), 100U);
  Recorded recorded(ops[0]);
  int preempted = 0;
  for (std::size_t i = 1; i < ops.size(); ++i) {
    if (ops[i]["op"] == "add") {
      recorded.add(ops[i]);
      continue;
    }
    const Json record = recorded.step();
    preempted += !record["preempted"].empty();
    for (const auto& [key, value] : record.items())
      ASSERT_EQ(value, expected[i][key]) << "record " << i << ", " << key;
    ASSERT_EQ(recorded.waiting(), expected[i]["waiting"].size()) << "record " << i;
  }
  RecordProperty("steps_that_preempted", preempted);
}

INSTANTIATE_TEST_SUITE_P(Recordings, VllmOps,
                         testing::Values("vllm_sched_fcfs_1", "vllm_sched_fcfs_2",
                                         "vllm_sched_priority_1"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace kvsim
