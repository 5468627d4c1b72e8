// siblings: every request of a workload asked several times at once, for as many answers.
//
// What a client gets who asks vLLM for n answers (vllm/v1/engine/parallel_sampling.py
// ParentRequest): requests with one prompt and one length that arrive together, each with words of
// its own. A server that knows families may fork them; for others they are strangers who start
// alike. With beams, the answers are texts of one search that the server prunes.
// The request below has ended when its last sibling has.

#include <unordered_map>

#include "sim/core/check.h"
#include "sim/model/beam_search.h"
#include "sim/model/decoding.h"
#include "sim/model/workload_source.h"

namespace kvsim {
namespace {

class Siblings final : public WorkloadLayer {
 public:
  explicit Siblings(const Setup& setup)
      : below_(std::move(setup.below)), decoding_(decoding_of(setup.config)) {}

  [[nodiscard]] std::optional<Time> upcoming() override {
    if (next_ < decoding_.siblings()) return asked_.arrival;
    return below_->upcoming();
  }

  void take(Request& out) override {
    if (next_ == decoding_.siblings()) ask();
    out = asked_;
    out.id = taken_++;
    out.sample = next_++;
    if (out.sample == 0) return;
    out.content.clear();
    out.content.append_slice(asked_.content, Tokens(0), asked_.prompt);
    out.content.append({sibling_content(out.family, out.sample), 0, asked_.output.value()});
  }

  void ended(const Request& r, Time now) override {
    const auto family = families_.find(r.family);
    KVSIM_CHECK(family != families_.end(), "only who was asked ends");
    if (--family->second.left > 0) return;
    below_->ended(family->second.asked, now);
    families_.erase(family);
  }
  [[nodiscard]] double progress() const override { return below_->progress(); }
  [[nodiscard]] WorkloadIdentity identity() const override { return below_->identity(); }

 private:
  struct Family {
    Request asked;
    std::uint32_t left;  // siblings that have not ended
  };

  void ask() {
    below_->take(asked_);
    families_.insert_or_assign(asked_.id, Family{asked_, decoding_.siblings()});
    asked_.family = asked_.id;
    asked_.samples = decoding_.siblings();
    asked_.beam = decoding_.beams();
    next_ = 0;
  }

  std::unique_ptr<WorkloadSource> below_;
  Decoding decoding_;
  Request asked_;  // the family being taken
  std::uint32_t next_ = decoding_.siblings();
  std::uint64_t taken_ = 0;
  std::unordered_map<std::uint64_t, Family> families_;  // not ended; never iterated
};

const Registered<WorkloadLayer, Siblings> kSiblings{
    "siblings", "Every request asked several times at once, for as many answers."};

}  // namespace
}  // namespace kvsim
