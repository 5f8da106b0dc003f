#pragma once

/// Texts of small experiments: the tables that one with learning must have, and models. What a test is about it adds.

#include <fmt/format.h>

#include <cstddef>
#include <string>

namespace dynvert::test {

/// The values of learning_text.
struct SmallExperiment {
  std::size_t trials = 20;
  std::size_t samples = 30;
  std::string layers = "5, 4, 3";
  double rate = 0.01;
  std::string network = "";     ///< further lines of [network]
  std::string experiment = "";  ///< and of [experiment], before trials
  std::string task = "linear_teacher";
};

/// [experiment], [task], [network], [learning]: lines 1 to 9 where there are no further ones.
inline std::string learning_text(const SmallExperiment& small = {}) {
  return fmt::format(
      "[experiment]\n{}trials = {}\n[task]\nkind = \"{}\"\nsamples = {}\n[network]\nlayers = [{}]\n{}[learning]\n"
      "rate = {}\n",
      small.experiment, small.trials, small.task, small.samples, small.layers, small.network, small.rate);
}

/// [[model]]. @param keys  a line each
inline std::string model_text(const std::string& name, const std::string& keys) {
  return fmt::format("[[model]]\nname = \"{}\"\n{}\n", name, keys);
}

inline std::string inversion_text(const std::string& name, const std::string& keys = "") {
  return model_text(name, "credit = \"sequential_inversion\"\n" + keys);
}

inline std::string backprop_text() { return model_text("BP", "credit = \"backprop\""); }

}  // namespace dynvert::test
