#pragma once

/// Configurations as text: what they become, and what their faults say.

#include <dynvert/sim/config/load.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "config_registry.hpp"

namespace dynvert::test {

/// A configuration that is accepted.
inline const std::string base = R"([experiment]
title = "test"
seed = 7
trials = 100

[task]
kind = "linear_teacher"
samples = 200

[network]
layers = [6, 5, 4]
activation = "tanh"
init = { kind = "uniform", half_width = 0.1 }

[learning]
rate = 0.01

[dynamics]
solver = "rk4"
dt = 0.5
duration = 100.0

[feedback]
kind = "negative_transpose"
gain = 2.0

[record]
trials = [0, 99]

[[model]]
name = "BP"
credit = "backprop"

[[model]]
name = "FA"
credit = "feedback_alignment"

[[model]]
name = "DI"
credit = "sequential_inversion"
alpha = 0.02
)";

inline Config parse(const std::string& text, const std::vector<std::string>& sets = {}) {
  return parse_config(text, "/configs/test.toml", sets, {}, {}, test_registry());
}

/// The text with the first `from` replaced.
inline std::string changed(const std::string& from, const std::string& to, std::string text = base) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// The line on which a piece begins, from 1.
inline std::size_t line_of(const std::string& text, const std::string& piece) {
  const auto at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

struct Fault {
  ConfigError::Data data;
  std::string message;
};

inline Fault fault_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  try {
    static_cast<void>(parse(text, sets));
  } catch (const ConfigError& error) {
    return {error.data(), error.what()};
  }
  FAIL("accepted:\n" << text);
  return {};
}

inline bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

}  // namespace dynvert::test
