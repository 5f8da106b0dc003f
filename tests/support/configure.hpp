#pragma once

/// Configurations of texts, with all parts of the program.

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/registry.hpp>

#include <optional>
#include <string>
#include <vector>

namespace dynvert::test {

/// @param file  that the text is said to come from: paths are relative to its folder
inline Config configure(const std::string& text, const std::vector<std::string>& sets = {},
                        const std::string& file = "test.toml") {
  return parse_config(text, file, sets, std::nullopt, std::nullopt, config_registry());
}

}  // namespace dynvert::test
