#include <dynvert/models/credit/dynamic_forward.hpp>

#include <fmt/format.h>

namespace dynvert {

ForwardCircuit add_forward(Circuit& circuit, const Network& network, double tau_h) {
  const std::size_t depth = network.depth();
  ForwardCircuit forward{.a = std::vector<PopulationIndex>(depth + 1),
                         .W = std::vector<ProjectionIndex>(depth + 1),
                         .b = std::vector<ProjectionIndex>(depth + 1)};
  forward.a[0] = circuit.add(
      Population{.name = "h_0", .units = network.units[0], .clamped = true, .role = Role::input, .layer = 0});
  for (std::size_t l = 1; l <= depth; ++l) {
    forward.a[l] = circuit.add(Population{.name = fmt::format("a_{}", l),
                                          .units = network.units[l],
                                          .tau = tau_h,
                                          .rate = std::string(network.g[l]->name),
                                          .role = Role::forward,
                                          .layer = l});
  }
  if (network.bias) forward.one = circuit.add(Population{.name = "one", .units = 1, .clamped = true});
  for (std::size_t l = 1; l <= depth; ++l) {
    const bool rates = l > 1 && !network.g[l - 1]->linear;
    forward.W[l] = circuit.add(Projection{.name = fmt::format("W{}", l),
                                          .source = forward.a[l - 1],
                                          .target = forward.a[l],
                                          .weights = arma::mat(network.units[l], network.units[l - 1]),
                                          .transmits = rates ? Transmit::rate : Transmit::state});
    if (!network.bias) continue;
    forward.b[l] = circuit.add(Projection{.name = fmt::format("b{}", l),
                                          .source = forward.one,
                                          .target = forward.a[l],
                                          .weights = arma::mat(network.units[l], 1)});
  }
  return forward;
}

void load_forward(const ForwardCircuit& forward, const Network& network, RightHandSide& f) {
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    f.set_weights(forward.W[l], network.W[l]);
    if (network.bias) f.set_weights(forward.b[l], network.b[l]);
  }
}

void set_stimulus(const ForwardCircuit& forward, const Network& network, const arma::mat& input, bool on,
                  const RightHandSide& f, State& x) {
  const MatrixView h = f.layout().view(std::span<double>(x), forward.a[0]);
  if (on) {
    assign(h, input);
  } else {
    fill(h, 0.0);
  }
  if (network.bias) fill(f.layout().view(std::span<double>(x), forward.one), 1.0);
}

void read_activity(const ForwardCircuit& forward, const Network& network, const RightHandSide& f, const State& x,
                   Activity& activity) {
  const std::size_t depth = network.depth();
  activity.a.resize(depth + 1);
  activity.h.resize(depth + 1);
  const auto state = [&](PopulationIndex p) { return to_matrix(f.layout().view(std::span<const double>(x), p)); };
  activity.h[0] = state(forward.a[0]);
  for (std::size_t l = 1; l <= depth; ++l) {
    activity.a[l] = state(forward.a[l]);
    apply(*network.g[l], activity.a[l], activity.h[l]);
  }
  activity.e = activity.t - activity.h[depth];
}

Stage forward_stage(const Network& network, double tau_h) {
  Stage stage;
  stage.name = "forward pass";
  stage.timing = Stage::Timing::forward;
  stage.clock = "forward";
  const ForwardCircuit forward = add_forward(stage.circuit, network, tau_h);
  stage.load = [forward](const Network& n, const Feedback&, RightHandSide& f) { load_forward(forward, n, f); };
  stage.begin = [](const Network&, const Activity& activity, const Credit&, RightHandSide& f) {
    f.set_columns(activity.x.n_cols);
  };
  stage.enter = [forward](const Network& n, const Activity& activity, const Credit&, const Phase& phase,
                          RightHandSide& f, State& x) { set_stimulus(forward, n, activity.x, phase.stimulus, f, x); };
  stage.read = [forward](const Network& n, const RightHandSide& f, const State& x, Activity& activity, Credit& credit) {
    read_activity(forward, n, f, x, activity);
    credit.resize(n.depth() + 1);
    credit.back() = activity.e;
  };
  return stage;
}

}  // namespace dynvert
