#include "reports/turned_away.h"

namespace kvsim {

std::vector<TurnedAway> turned_away(const Report::Requests& requests) {
  std::vector<TurnedAway> all{
      {requests.rejected_queue_full.value_or(0), "rejected: every queue was full"},
      {requests.rejected_tokens_full.value_or(0),
       "rejected: every replica had as many prompt tokens as it may"},
      {requests.rejected_over_rate.value_or(0), "rejected: more of their priority came than may"},
      {requests.lost.value_or(0), "lost with a replica that went down"}};
  std::erase_if(all, [](const TurnedAway& some) { return some.requests == 0; });
  return all;
}

}  // namespace kvsim
