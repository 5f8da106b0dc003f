/// Sequential dynamic inversion (Podlaski & Machens, NeurIPS 2020, arXiv 2007.05112). For l = L..2, one loop
/// after the other, from zero state:
///
///     tau_delta d(delta_{l-1})/dt = -delta_{l-1} + B_l u_l
///     tau_u     du_l/dt           = -alpha u_l + W_l delta_{l-1} - s_l
///
/// s_L = e and s_l = delta_l as read out; the read-out is delta_{l-1}(T) .* g_{l-1}'(a_{l-1}) (linear transfer).
///
/// | symbol    | shape         | meaning                                           | units |
/// |-----------|---------------|---------------------------------------------------|-------|
/// | delta_l   | n_l x columns | error population of layer l                       | 1     |
/// | u_l       | n_l x columns | controller of the loop that inverts W_l           | 1     |
/// | s_l       | n_l x columns | the signal to invert                              | 1     |
/// | W_l       | n_l x n_{l-1} | forward weights                                   | 1     |
/// | B_l       | n_{l-1} x n_l | feedback weights                                  | 1     |
/// | alpha     |               | leak of the controller                            | 1     |
/// | tau_delta |               | time constant of the error population             | time  |
/// | tau_u     |               | time constant of the controller                   | time  |
///
/// Steady state: delta = B (W B - alpha I)^-1 s = (B W - alpha I)^-1 B s; with B = -W' the damped pseudo-inverse
/// W'(W W' + alpha I)^-1 s. With alpha = 0 and n_l > n_{l-1} the matrix W B is singular and u has no unique steady
/// state.
///
/// The circuit lists u before delta: sequential Euler then takes u with the old delta, and delta with the new u, which
/// is the order of the paper's published results.

#include <dynvert/models/credit_list.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

Loop inversion_loop(const Network& network, std::size_t l, const LoopParameters& parameters) {
  Loop loop;
  loop.layer = l;
  loop.name = fmt::format("loop {}", l);
  loop.credit_layer = l - 1;
  loop.controller = loop.circuit.add(Population{
      .name = fmt::format("u_{}", l), .units = network.units[l], .tau = parameters.tau_u, .leak = parameters.alpha});
  loop.readout = loop.circuit.add(Population{
      .name = fmt::format("delta_{}", l - 1), .units = network.units[l - 1], .tau = parameters.tau_delta, .leak = 1});
  const auto W = loop.circuit.add(Projection{.name = fmt::format("W{}", l),
                                             .source = loop.readout,
                                             .target = loop.controller,
                                             .weights = arma::mat(network.units[l], network.units[l - 1])});
  loop.feedback = loop.circuit.add(Projection{.name = fmt::format("B{}", l),
                                              .source = loop.controller,
                                              .target = loop.readout,
                                              .weights = arma::mat(network.units[l - 1], network.units[l])});

  loop.load = [l, W, B = loop.feedback](const Network& n, const Feedback& feedback, RightHandSide& f) {
    f.set_weights(W, n.W[l]);
    f.set_weights(B, feedback[l]);
  };
  loop.drive = [l, u = loop.controller](const Network&, const Activity&, const Credit& credit, RightHandSide& f) {
    f.set_columns(credit[l].n_cols);
    assign(f.input(u), -credit[l]);
  };
  loop.read = [l, delta = loop.readout](const Network& n, const Activity& activity, const RightHandSide& f,
                                        const State& x, Credit& credit) {
    credit[l - 1] = to_matrix(f.layout().view(std::span<const double>(x), delta));
    multiply_by_slope(*n.g[l - 1], activity.a[l - 1], credit[l - 1]);
  };
  return loop;
}

}  // namespace

CreditModel sequential_inversion() {
  return {.name = "sequential_inversion",
          .summary = "dynamic inversion, one loop after the other from the output down",
          .uses_feedback = true,
          .loops = [](const Network& network, const LoopParameters& parameters) {
            std::vector<Loop> loops;
            for (std::size_t l = network.depth(); l >= 2; --l) loops.push_back(inversion_loop(network, l, parameters));
            return loops;
          }};
}

}  // namespace dynvert
