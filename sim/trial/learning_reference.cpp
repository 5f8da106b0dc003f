#include <dynvert/analysis/network_gradient.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/learning_reference.hpp>
#include <dynvert/sim/trial/model_credit.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

namespace {

/// The network's own forward pass. @param kept  where it is run anew
const Activity& network_pass(const Network& network, const Activity& activity, bool moves, Activity& kept) {
  if (!moves) return activity;
  forward(network, activity.x, activity.t, kept);
  return kept;
}

}  // namespace

LearningReference::LearningReference(const Config& config, const ModelConfig& model) {
  const auto circuit = credit_of(config, model).circuit;
  if (circuit == nullptr) {
    for (std::size_t l = 1; l < config.network.layers.size(); ++l) {
      matrices_.push_back({fmt::format("W{}", l), {MatrixPlace::In::weights, l}});
      if (config.network.bias) matrices_.push_back({fmt::format("b{}", l), {MatrixPlace::In::bias, l}});
    }
    return;
  }
  const CircuitPlan& plan = circuit->plan();
  const equations::Description& d = plan.description();
  for (const equations::Rule& rule : d.rules) {
    const std::size_t m = plan.matrix(rule.matrix);
    if (std::ranges::find(matrices_, m, &Matrix::number) == matrices_.end())
      matrices_.push_back({plan.matrix_name(m), plan.place(m), m});
  }
  if (!circuit->has_own_readout()) return;
  const SolverKind& solver = solver_kind(model.dynamics.solver);
  gradient_ = std::make_unique<CircuitGradient>(
      circuit, PhaseForm{.steps = solver.steps,
                         .dt = model.dynamics.dt,
                         .settles = !solver.has_trajectory || model.dynamics.settle_tolerance > 0});
  readout_phase_ = d.readout.phase;
}

std::vector<arma::mat> LearningReference::outer_products(const Credit& d, const Activity& activity, double sign) const {
  std::vector<arma::mat> products;
  for (const Matrix& m : matrices_) {
    const std::size_t l = m.place.number;
    if (m.place.in == MatrixPlace::In::others)
      products.emplace_back();
    else if (m.place.in == MatrixPlace::In::bias)
      products.emplace_back(sign * arma::sum(d[l], 1));
    else
      products.emplace_back(sign * d[l] * activity.h[l - 1].t());
  }
  return products;
}

std::vector<arma::mat> LearningReference::gradient(const Network& network, const Activity& activity, bool moves) const {
  if (gradient_ == nullptr) {
    Activity kept;
    const Activity& pass = network_pass(network, activity, moves, kept);
    return outer_products(descent_of_network(network, pass), pass, -1);
  }
  const auto& values = activity.values;
  const auto ended = values.ended.find(readout_phase_);
  // kept where it is not the same in every trial, or read by phases
  const auto begun = values.ended.find("initial");
  const auto all = (*gradient_)(network, moves ? activity.x : activity.h[0], activity.t,
                                ended != values.ended.end() ? &ended->second : &values.now,
                                begun != values.ended.end() ? &begun->second : nullptr);
  std::vector<arma::mat> by_matrix;
  for (const Matrix& m : matrices_) by_matrix.push_back(all.by_matrix[m.number]);
  return by_matrix;
}

std::vector<arma::mat> LearningReference::gauss_newton(const Network& network, const Activity& activity,
                                                       bool moves) const {
  Activity kept;
  const Activity& pass = network_pass(network, activity, moves, kept);
  return outer_products(gauss_newton_of_network(network, pass), pass, 1);
}

}  // namespace dynvert
