#pragma once

/// Control loops for tests: the circuit of sequential inversion, built by hand.

#include <dynvert/analysis/cycle.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>

#include <numeric>
#include <vector>

namespace dynvert::testing {

struct TestLoop {
  RightHandSide f;
  PopulationIndex u = 0, delta = 1;
};

/// tau_u du/dt = -alpha u + W g(delta) - s,  tau_delta d(delta)/dt = -delta + B u. @param s  n_l x columns
inline TestLoop make_loop(const arma::mat& W, const arma::mat& B, double alpha, const arma::mat& s, double tau_u = 1,
                          double tau_delta = 1, const std::string& g = "linear") {
  Circuit c;
  const auto u = c.add(Population{.name = "u_2", .units = W.n_rows, .tau = tau_u, .leak = alpha});
  const auto delta = c.add(Population{.name = "delta_1", .units = W.n_cols, .tau = tau_delta, .rate = g});
  c.add(Projection{.name = "W2",
                   .source = delta,
                   .target = u,
                   .weights = W,
                   .transmits = g == "linear" ? Transmit::state : Transmit::rate});
  c.add(Projection{.name = "B2", .source = u, .target = delta, .weights = B});
  TestLoop loop{RightHandSide(c, s.n_cols)};
  assign(loop.f.input(u), -s);
  return loop;
}

/// M of the design: [[-alpha I/tau_u, W/tau_u], [B/tau_delta, -I/tau_delta]], in the circuit's order u, delta.
inline arma::mat loop_matrix(const arma::mat& W, const arma::mat& B, double alpha, double tau_u = 1,
                             double tau_delta = 1) {
  const arma::uword m = W.n_rows;
  const arma::uword n = W.n_cols;
  arma::mat M(m + n, m + n);
  M.submat(0, 0, m - 1, m - 1).diag().fill(-alpha / tau_u);
  M.submat(0, m, m - 1, m + n - 1) = W / tau_u;
  M.submat(m, 0, m + n - 1, m - 1) = B / tau_delta;
  M.submat(m, m, m + n - 1, m + n - 1).diag().fill(-1 / tau_delta);
  return M;
}

/// Of a circuit that is one cycle.
inline std::vector<PopulationIndex> all_of(const RightHandSide& f) {
  std::vector<PopulationIndex> all(f.circuit().populations().size());
  std::iota(all.begin(), all.end(), PopulationIndex{0});
  return all;
}

inline CycleModes modes_of(RightHandSide& f) {
  return cycle_modes(as_cycle(f.circuit(), all_of(f)).value(), f, State(f.layout().size()), 0);
}

}  // namespace dynvert::testing
