#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>

#include <numeric>

namespace dynvert {

namespace {

/// @param alpha, tau_u  of the controller; 0 where there is none
std::vector<Finding> findings_of(std::string_view name, const std::vector<double>& values, double alpha, double tau_u,
                                 const DynamicsConfig& dynamics) {
  LoopSetting setting{.alpha = alpha,
                      .tau_u = tau_u,
                      .solver = dynamics.solver,
                      .dt = dynamics.dt,
                      .settling_band = dynamics.settling_band};
  if (solver_kind(dynamics.solver).has_trajectory) setting.duration = dynamics.duration;
  std::vector<Finding> found;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const LoopMeasure& measure = stability_measures()[i];
    auto finding = measure.finding ? measure.finding(values[i], setting) : std::nullopt;
    if (finding) found.push_back({finding->unstable, fmt::format("{}: {}", name, finding->text)});
  }
  return found;
}

}  // namespace

bool is_of_circuit(const LoopMeasure& measure) { return measure.depends_on_leak; }

std::vector<double> circuit_stability(RightHandSide& f, const State& x) {
  ControlLoop all;
  all.members.resize(f.circuit().populations().size());
  std::iota(all.members.begin(), all.members.end(), PopulationIndex{0});
  const LinearisedLoop linearised({&f, &x, &all});
  std::vector<double> values;
  for (const LoopMeasure& measure : stability_measures()) {
    values.push_back(is_of_circuit(measure) ? measure.value(linearised) : arma::datum::nan);
  }
  return values;
}

LoopStability loop_stability(const LinearisedLoop& linearised) {
  const auto& [f, x, loop] = linearised.place().value();
  LoopStability result{.loop = loop->number,
                       .controller = f->circuit().populations()[loop->controller].name,
                       .linear = f->circuit().is_linear(),
                       .alpha = f->leak(loop->controller, 0),
                       .tau_u = f->tau(loop->controller, 0)};
  for (const LoopMeasure& measure : stability_measures()) result.values.push_back(measure.value(linearised));
  return result;
}

ReadyStage at_rest(const Stage& stage, const Network& network, const Feedback& feedback) {
  Activity activity;
  const arma::mat nothing(network.units.front(), 1);
  forward(network, nothing, arma::mat(network.units.back(), 1), activity);
  activity.x = nothing;
  Credit credit(network.depth() + 1);
  for (std::size_t l = 1; l < credit.size(); ++l) credit[l].zeros(network.units[l], 1);
  return ready_stage(stage, network, feedback, activity, credit, MovingWeights::stay);
}

std::vector<LoopStability> loops_at_rest(std::span<const Stage> stages, const Network& network,
                                         const Feedback& feedback) {
  std::vector<LoopStability> loops;
  for (const Stage& stage : stages) {
    if (stage.loops.empty()) continue;
    ReadyStage resting = at_rest(stage, network, feedback);
    for (const ControlLoop& loop : stage.loops) {
      loops.push_back(loop_stability(LinearisedLoop({&resting.f, &resting.x, &loop})));
    }
  }
  return loops;
}

std::vector<Finding> findings(const LoopStability& s, const DynamicsConfig& dynamics) {
  return findings_of(fmt::format("loop {}", s.loop), s.values, s.alpha, s.tau_u, dynamics);
}

std::vector<Finding> circuit_findings(const std::vector<double>& values, const DynamicsConfig& dynamics) {
  return findings_of("the circuit", values, 0, 0, dynamics);
}

}  // namespace dynvert
