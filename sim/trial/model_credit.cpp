#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <cmath>

namespace dynvert {

ModelCredit credit_of(const Config& config, const ModelConfig& model) {
  if (!model.description) return {credit_model(model.credit)};
  const SolverKind& solver = solver_kind(model.dynamics.solver);
  auto circuit =
      DescribedCircuit::make(*model.description, empty_network(config),
                             {.eta = config.learning.rate,
                              .lambda = config.learning.decay,
                              .batch = static_cast<double>(config.learning.batch),
                              .duration = model.dynamics.duration,
                              .dt = model.dynamics.dt,
                              .clip_delta = std::isfinite(config.learning.clip_delta) ? config.learning.clip_delta : 0,
                              .normalise = config.learning.normalise_updates,
                              .solver = {.name = solver.name,
                                         .fixed_steps = solver.fixed_step,
                                         .integrates = solver.has_trajectory,
                                         .linear_only = solver.linear_only,
                                         .joins_columns = !solver.single_columns,
                                         .settles = model.dynamics.settle_tolerance > 0},
                              .seed = config.seed},
                             named_populations(config.record));
  CreditModel credit = circuit->credit();
  return {std::move(credit), std::move(circuit)};
}

bool learns_in_blocks(const Config& config, const ModelConfig& model) {
  if (!against_blocks(config, false).empty()) return false;
  const auto [credit, circuit] = credit_of(config, model);
  if (credit.concurrent || model.dynamics.forward == "dynamic") return false;
  return circuit == nullptr || (circuit->plan().learns_as_network() && circuit->plan().reads_first_layer_once());
}

}  // namespace dynvert
