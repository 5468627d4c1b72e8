#pragma once
// requests.csv: one row per request that ended, in the order they ended, streamed as they do.
//
// What a column means is written in reports/README.md. A cell is empty where there is nothing to
// say: times of a rejected request, the reason of a completed one, the time per output token of a
// single token.

#include "reports/buffered_sink.h"
#include "reports/ended_request.h"

namespace kvsim {

class RequestsCsv final : public Bystander {
 public:
  /// The header goes to `sink` at once, the rest in large pieces, the last one at on_end.
  explicit RequestsCsv(Sink sink);
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;
  void on_end(Time now) override;

 private:
  void write(const EndedRequest& row);
  BufferedSink out_;
};

}  // namespace kvsim
