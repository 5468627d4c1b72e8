#include "reports/html/recorder.h"

namespace kvsim {

Recorder::Recorder(Detail d) : detail(d), watchers_{&latencies, &timeline, &laws} {
  if (detail == Detail::kSome) return;
  watchers_.push_back(&losses);
  watchers_.push_back(&map);
}

}  // namespace kvsim
