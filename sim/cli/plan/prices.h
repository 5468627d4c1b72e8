#pragma once
// --prices FILE: what an hour of a GPU costs, by whom it is said and when.
//
//   {"currency": "USD", "devices": {
//     "h100": {"per_gpu_hour": 2.99, "source": "quote of ACME, 2026-11-02"}}}
//
// None are built in: prices are the user's.

#include <map>
#include <string>
#include <vector>

namespace kvsim {

struct GpuPrice {
  double per_gpu_hour = 0;
  std::string source;
};

class Prices {
 public:
  /// Throws InputError for what is no such file, or prices what is neither a device of ours nor
  /// among `others`.
  Prices(const std::string& file, const std::vector<std::string>& others);

  [[nodiscard]] const std::string& currency() const { return currency_; }
  /// Throws InputError if there is none.
  [[nodiscard]] const GpuPrice& of(const std::string& device) const;

 private:
  std::string file_;
  std::string currency_;
  std::map<std::string, GpuPrice> devices_;
};

}  // namespace kvsim
