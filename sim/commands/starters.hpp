#pragma once

/// Commented configurations that `dynvert new` writes, one of each kind of experiment. Each runs as it is, in seconds.

#include <span>
#include <string_view>

namespace dynvert {

struct Starter {
  std::string_view kind;     ///< "classification"
  std::string_view summary;  ///< one line for people
  std::string_view text;     ///< TOML
};

[[nodiscard]] std::span<const Starter> configuration_starters();

}  // namespace dynvert
