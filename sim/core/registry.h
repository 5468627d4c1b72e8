#pragma once
// The one way a config word becomes an object: Registry<Interface> maps name -> factory.
//
// A policy file ends with one line,
//     const Registered<EvictionPolicy, Lru> kLru{"lru", "Least recently used block first."};
// and is compiled into an OBJECT library so the linker cannot drop it. No macros; std::map so
// that listings and error messages come out sorted whatever order the objects were initialised in.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/core/check.h"

namespace kvsim {

template <class Interface>
class Registry {
 public:
  using Factory = std::function<std::unique_ptr<Interface>(const typename Interface::Setup&)>;
  struct Entry {
    Factory make;
    std::string_view summary;  ///< One sentence, shown by `kvsim list`.
    std::string_view file;     ///< Where to read the code.
  };

  [[nodiscard]] static std::map<std::string, Entry, std::less<>>& entries() {
    static std::map<std::string, Entry, std::less<>> table;
    return table;
  }
  /// Sorted.
  [[nodiscard]] static std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& [name, entry] : entries()) all.push_back(name);
    return all;
  }
  /// Requires a registered name: config words are checked when the config is read.
  [[nodiscard]] static std::unique_ptr<Interface> make(std::string_view name,
                                                       const typename Interface::Setup& setup) {
    const auto found = entries().find(name);
    KVSIM_CHECK(found != entries().end(), "the config was validated against the registry");
    return found->second.make(setup);
  }
};

template <class Interface, class Impl>
struct Registered {
  Registered(std::string_view name, std::string_view summary,
             std::string_view file = __builtin_FILE()) {
    auto make = [](const typename Interface::Setup& setup) -> std::unique_ptr<Interface> {
      return std::make_unique<Impl>(setup);
    };
    using Entry = typename Registry<Interface>::Entry;
    const bool added = Registry<Interface>::entries()
                           .try_emplace(std::string(name), Entry{make, summary, file})
                           .second;
    KVSIM_CHECK(added, "policy names are unique");
  }
};

}  // namespace kvsim
