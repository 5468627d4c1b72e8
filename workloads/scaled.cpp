// scaled: a workload whose prompts or answers are longer or shorter than they are: what if they
// grow?
//
// What a prompt or an answer gains is content of its own, at its end; what it loses, it loses
// there. So a longer prompt shares as many tokens with others as before, but its answer stands
// elsewhere: what a later turn repeats of that is found no more.

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "sim/core/check.h"
#include "sim/model/workload_source.h"

namespace kvsim {
namespace {

constexpr ContentId kGrownBit = ContentId{1} << 60;  // apart from requests, sessions and siblings
constexpr std::int64_t kLongest = std::int64_t{1} << 31;  // as of traces

Tokens times(Tokens n, double scale) {
  const auto scaled = std::llround(static_cast<double>(n.value()) * scale);
  return Tokens(std::clamp<std::int64_t>(scaled, 1, kLongest));
}

class Scaled final : public WorkloadLayer {
 public:
  explicit Scaled(const Setup& setup)
      : below_(std::move(setup.below)),
        prompt_(setup.config.number("/workload/prompt_scale")),
        output_(setup.config.number("/workload/output_scale")) {}

  [[nodiscard]] std::optional<Time> upcoming() override { return below_->upcoming(); }

  void take(Request& out) override {
    below_->take(asked_);
    out = asked_;
    out.prompt = times(asked_.prompt, prompt_);
    out.output = times(asked_.output, output_);
    out.content.clear();
    write(Tokens(0), asked_.prompt, out.prompt, 2 * out.id, out.content);
    write(asked_.prompt, asked_.output, out.output, 2 * out.id + 1, out.content);
    waiting_.emplace(out.id, asked_);
  }

  void ended(const Request& r, Time now) override {
    const auto asked = waiting_.find(r.id);
    KVSIM_CHECK(asked != waiting_.end(), "only who was asked ends");
    below_->ended(asked->second, now);
    waiting_.erase(asked);
  }
  [[nodiscard]] double progress() const override { return below_->progress(); }
  [[nodiscard]] WorkloadIdentity identity() const override { return below_->identity(); }

 private:
  // `wanted` tokens for the `had` ones of what was asked.
  void write(Tokens first, Tokens had, Tokens wanted, std::uint64_t name, Content& out) const {
    out.append_slice(asked_.content, first, std::min(had, wanted));
    out.append({private_content(kGrownBit | name), 0, std::max(wanted - had, Tokens(0)).value()});
  }

  std::unique_ptr<WorkloadSource> below_;
  double prompt_, output_;
  Request asked_;
  std::unordered_map<std::uint64_t, Request> waiting_;  // not ended; never iterated
};

const Registered<WorkloadLayer, Scaled> kScaled{"scaled", "Prompts or answers longer or shorter."};

}  // namespace
}  // namespace kvsim
