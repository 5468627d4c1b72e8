#pragma once
// requests.jsonl: requests.csv as JSON lines, for readers that know types.
//
// Keys are the CSV's columns (schema/request.schema.json); null stands where the CSV is empty.

#include "reports/buffered_sink.h"
#include "reports/ended_request.h"

namespace kvsim {

class RequestsJsonl final : public Bystander {
 public:
  /// Text goes to `sink` in large pieces, the last one at on_end.
  explicit RequestsJsonl(Sink sink) : out_(std::move(sink)) {}
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;
  void on_end(Time now) override;

 private:
  void write(const EndedRequest& row);
  BufferedSink out_;
};

}  // namespace kvsim
