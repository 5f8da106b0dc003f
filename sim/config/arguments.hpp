#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// What the commands take that read a configuration.
struct ConfigArguments {
  std::string path;
  std::vector<std::string> sets;
  std::vector<std::string> unsets;
  std::optional<std::uint64_t> seed;
  std::optional<std::size_t> threads;
};

}  // namespace dynvert
