#include <dynvert/analysis/critical_leak.hpp>
#include <dynvert/analysis/delay_margin.hpp>
#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/numerical_abscissa.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>

#include <fmt/format.h>

#include <cmath>

namespace dynvert {

std::optional<double> LoopStability::step_of(std::string_view solver) const {
  if (solver == "euler") return step_euler;
  if (solver == "rk4") return step_rk4;
  if (solver == "sequential_euler") return step_sequential_euler;
  return std::nullopt;
}

LoopStability loop_stability(RightHandSide& f, const State& x, const ControlLoop& loop) {
  LoopStability result{.loop = loop.number,
                       .controller = f.circuit().populations()[loop.controller].name,
                       .linear = f.circuit().is_linear(),
                       .alpha = f.leak(loop.controller, 0),
                       .tau_u = f.tau(loop.controller, 0)};
  const auto cycle = as_cycle(f.circuit(), loop.members);
  arma::cx_vec lambda;
  if (cycle) {
    const CycleModes modes = cycle_modes(*cycle, f, x, 0);
    lambda = spectrum(modes);
    result.critical_leak = critical_leak(modes, modes.position(loop.controller));
    result.delay_margin = delay_margin(modes);
    result.step_sequential_euler = largest_stable_step_sequential_euler(modes);
  } else {
    lambda = spectrum(f, x, 0, loop.members);
  }
  result.step_euler = largest_stable_step_euler(lambda);
  result.step_rk4 = largest_stable_step_rk4(lambda);
  result.spectral_abscissa = arma::real(lambda).max();
  result.slowest_time_constant = slowest_time_constant(result.spectral_abscissa);
  result.numerical_abscissa = numerical_abscissa(f, x, 0, loop.members);
  return result;
}

RestingStage at_rest(const Stage& stage, const Network& network, const Feedback& feedback) {
  Activity activity;
  const arma::mat nothing(network.units.front(), 1);
  forward(network, nothing, arma::mat(network.units.back(), 1), activity);
  activity.x = nothing;
  Credit credit(network.depth() + 1);
  for (std::size_t l = 1; l < credit.size(); ++l) credit[l].zeros(network.units[l], 1);
  RestingStage resting{.f = RightHandSide(stage.circuit.without_plasticity(), 1), .x = {}};
  stage.load(network, feedback, resting.f);
  stage.begin(network, activity, credit, resting.f);
  resting.x.assign(resting.f.layout().size(), 0.0);
  return resting;
}

std::vector<LoopStability> loops_at_rest(std::span<const Stage> stages, const Network& network,
                                         const Feedback& feedback) {
  std::vector<LoopStability> loops;
  for (const Stage& stage : stages) {
    if (stage.loops.empty()) continue;
    RestingStage resting = at_rest(stage, network, feedback);
    for (const ControlLoop& loop : stage.loops) loops.push_back(loop_stability(resting.f, resting.x, loop));
  }
  return loops;
}

std::vector<Finding> findings(const LoopStability& s, const DynamicsConfig& dynamics) {
  std::vector<Finding> found;
  const auto add = [&](bool unstable, std::string text) {
    found.push_back({unstable, fmt::format("loop {}: {}", s.loop, std::move(text))});
  };
  const bool in_time = solver_kind(dynamics.solver).has_trajectory;
  if (!(s.spectral_abscissa < 0)) {
    add(true, fmt::format("not stable: spectral abscissa {:.3g}; it grows by a factor e in {:.4g}", s.spectral_abscissa,
                          1 / s.spectral_abscissa));
  } else if (in_time) {
    const double needed = std::log(1 / settling_band) * s.slowest_time_constant;
    if (s.slowest_time_constant > dynamics.duration) {
      add(false, fmt::format("abscissa {:.3g}: slowest time constant {:.4g} > duration {:g}: what lies along that mode "
                             "does not settle",
                             s.spectral_abscissa, s.slowest_time_constant, dynamics.duration));
    } else if (needed > dynamics.duration) {
      add(false, fmt::format("abscissa {:.3g}: slowest time constant {:.4g}: 2 % takes {:.4g} > duration {:g}",
                             s.spectral_abscissa, s.slowest_time_constant, needed, dynamics.duration));
    }
  }
  if (s.critical_leak && *s.critical_leak > 0 && s.alpha < 2 * *s.critical_leak) {
    add(s.alpha <= *s.critical_leak, fmt::format("critical leak {:.3g}, alpha {:g}", *s.critical_leak, s.alpha));
  }
  if (const auto step = s.step_of(dynamics.solver); step && dynamics.dt > 0.75 * *step) {
    add(dynamics.dt >= *step,
        fmt::format("largest stable step of {} {:.3g}, dt {:g}", dynamics.solver, *step, dynamics.dt));
  }
  if (s.delay_margin && *s.delay_margin < 0.1 * s.tau_u) {
    add(false, fmt::format("delay margin {:.3g}: a conduction delay of a tenth of tau_u = {:g} would make it unstable",
                           *s.delay_margin, s.tau_u));
  }
  return found;
}

}  // namespace dynvert
