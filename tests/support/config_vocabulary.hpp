#pragma once

/// The names that the tests of the configuration take for known, so that they need no registry.

#include <dynvert/sim/config/schema.hpp>

namespace dynvert {

inline Vocabulary test_vocabulary() {
  Vocabulary v;
  v.tasks = {{"linear_teacher", {"samples", "teacher_half_width"}, {}, false}};
  v.credits = {{"backprop"},
               {"feedback_alignment", {"feedback"}},
               {"pseudo_backprop"},
               {"sequential_inversion", {"alpha", "dynamics", "feedback"}},
               {"single_loop_inversion", {"alpha", "dynamics", "feedback", "product"}},
               {"concurrent_inversion", {"alpha", "dynamics", "phases", "feedback"}}};
  v.solvers = {{"euler", {"dt", "duration", "settle_tolerance", "max_steps"}},
               {"sequential_euler", {"dt", "duration", "settle_tolerance", "max_steps"}},
               {"rk4", {"dt", "duration", "settle_tolerance", "max_steps"}},
               {"dopri5", {"dt", "duration", "settle_tolerance", "rtol", "atol", "max_steps"}},
               {"rosenbrock4", {"dt", "duration", "settle_tolerance", "rtol", "atol", "max_steps"}},
               {"exact", {"dt", "duration"}},
               {"fixed_point"}};
  v.fixed_step_solvers = {"euler", "sequential_euler", "rk4"};
  v.feedback_kinds = {{"negative_transpose", {"gain"}},
                      {"random", {"half_width"}},
                      {"negative_pseudo_inverse", {"gain"}},
                      {"negative_sign", {"gain"}},
                      {"product", {"factor", "gain", "half_width"}},
                      {"optimised", {"half_width", "margin"}},
                      {"file", {"path", "group", "snapshot"}}};
  v.inits = {{"uniform", {"half_width"}}, {"file", {"path", "group", "snapshot"}}};
  v.error_signals = {{"step"}, {"ramp", {"rise"}}, {"noise", {"noise", "noise_tau"}}};
  v.projections = {{"one_to_one", {"weight"}},
                   {"matrix", {"matrix"}},
                   {"uniform", {"half_width"}},
                   {"file", {"path", "group", "dataset"}}};
  v.transmissions = {{"rate"}, {"state"}, {"gain", {"follows", "reciprocal"}}};
  v.inputs = {{"step"}, {"ramp", {"rise"}}, {"sine", {"period"}}, {"noise", {"noise_tau"}}};
  v.activations = {"linear", "tanh", "relu", "leaky_relu", "sigmoid", "softplus"};
  v.outputs = v.activations;
  v.measures = {"angle_feedback",    "angle_ndi",     "angle_pbp", "angle_bp",
                "spectral_abscissa", "settling_time", "residual"};
  v.transfers = {"linear", "nonlinear", "linearised"};
  v.feedback_factors = {"negative_transpose", "negative_pseudo_inverse", "negative_sign", "random"};
  return v;
}

}  // namespace dynvert
