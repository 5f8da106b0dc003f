#pragma once

/// The parts that the tests of the configuration take for known, so that they need no registry of the program.

#include <dynvert/sim/config/config_registry.hpp>

namespace dynvert {

inline std::vector<Choice> choices_named(const std::vector<std::string>& names) {
  std::vector<Choice> choices;
  for (const std::string& name : names) choices.push_back({.name = name});
  return choices;
}

inline ConfigRegistry test_registry() {
  const auto number = [](const char* name, double value, double min, bool min_excluded) {
    return Parameter{
        .name = name, .default_value = value, .min = min, .min_excluded = min_excluded, .meaning = "a number"};
  };
  ConfigRegistry r;
  r.tasks = {{.name = "linear_teacher",
              .keys = {"samples"},
              .parameters = {number("teacher_half_width", 1.0, 0, true)},
              .gives_probabilities = false}};
  r.credits = {
      {.name = "backprop"},
      {.name = "feedback_alignment", .keys = {"feedback"}},
      {.name = "pseudo_backprop"},
      {.name = "sequential_inversion", .keys = {"alpha", "dynamics", "forward", "forward_duration", "feedback"}},
      {.name = "single_loop_inversion",
       .keys = {"alpha", "dynamics", "forward", "forward_duration", "feedback"},
       .spans_layers = true},
      {.name = "concurrent_inversion", .keys = {"alpha", "dynamics", "phases", "plasticity", "tau_w", "feedback"}}};
  const std::vector<std::string> in_time{"dt", "duration", "forward_duration", "phases"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), in_time.begin(), in_time.end());
    return more;
  };
  for (const char* name : {"euler", "sequential_euler", "rk4"})
    r.solvers.push_back({.name = name, .keys = with({"settle_tolerance", "max_steps"}), .fixed_step = true});
  for (const char* name : {"dopri5", "rosenbrock4"})
    r.solvers.push_back({.name = name, .keys = with({"settle_tolerance", "rtol", "atol", "max_steps"})});
  r.solvers.push_back({.name = "exact", .keys = in_time, .linear_only = true});
  r.solvers.push_back({.name = "fixed_point"});
  r.feedback_factors = {{.name = "negative_transpose", .keys = {"gain"}},
                        {.name = "negative_pseudo_inverse", .keys = {"gain"}},
                        {.name = "negative_sign", .keys = {"gain"}},
                        {.name = "random", .keys = {"half_width"}}};
  r.feedback_kinds = {{.name = "negative_transpose", .keys = {"gain"}},
                      {.name = "random", .keys = {"half_width"}},
                      {.name = "negative_pseudo_inverse", .keys = {"gain"}},
                      {.name = "negative_sign", .keys = {"gain"}},
                      {.name = "product", .keys = {"factor", "gain", "half_width"}},
                      {.name = "optimised", .keys = {"half_width", "margin"}},
                      {.name = "file", .keys = {"path", "group", "snapshot"}}};
  r.inits = {{.name = "uniform", .keys = {"half_width"}}, {.name = "file", .keys = {"path", "group", "snapshot"}}};
  r.error_signals = {
      {.name = "step"}, {.name = "ramp", .keys = {"rise"}}, {.name = "noise", .keys = {"noise", "noise_tau"}}};
  r.projections = {{.name = "one_to_one", .keys = {"weight"}, .one_to_one = true},
                   {.name = "matrix", .keys = {"matrix"}},
                   {.name = "uniform", .keys = {"half_width"}},
                   {.name = "file", .keys = {"path", "group", "dataset"}}};
  r.transmissions = {{.name = "rate"}, {.name = "state"}, {.name = "gain", .keys = {"follows", "reciprocal"}}};
  r.inputs = {{.name = "step", .constant = true},
              {.name = "ramp", .parameters = {number("rise", 0.0, 0, false)}},
              {.name = "sine", .parameters = {number("period", 1.0, 0, true)}},
              {.name = "noise", .parameters = {number("noise_tau", 1.0, 0, true)}}};
  r.activations = choices_named({"linear", "tanh", "relu", "leaky_relu", "sigmoid", "softplus"});
  r.outputs = r.activations;
  r.measures = choices_named(
      {"angle_feedback", "angle_ndi", "angle_pbp", "angle_bp", "spectral_abscissa", "settling_time", "residual"});
  r.transfers = choices_named({"linear", "nonlinear", "linearised"});
  return r;
}

}  // namespace dynvert
