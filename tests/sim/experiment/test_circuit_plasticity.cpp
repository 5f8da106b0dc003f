// Continuous rules of a circuit file, and the order in which rules at the end of a trial change weights, against
// replays of a few lines.

#include <dynvert/sim/solvers/solver.hpp>

#include <cmath>

#include "support/circuit_trials.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

constexpr double dt = 0.125;

AroundCircuit by(const std::string& solver, const std::string& more = "") {
  return {.keys = "solver = \"" + solver + "\"\ndt = 0.125\nduration = 2.0\n" + more};
}

const std::string leaky = "[circuit]\nequations = '''\ndx/dt = -x + M*input\ne = target - x\n";

}  // namespace

TEST_CASE("bounds of a continuous rule clip after each step") {
  const std::string solver = GENERATE("euler", "sequential_euler", "heun");
  CAPTURE(solver);
  CircuitTrials trials(leaky + "dM/dt = 4*e*input'\n'''\n[learning.M]\nbounds = [-0.3, 0.4]\n", by(solver));
  const arma::mat input = shown(1, 4, 1), target = 3 * shown(2, 3, 1);
  arma::mat M = trials.matrix("M");
  for (int trial = 0; trial < 2; ++trial) {
    arma::mat x(3, 1);
    std::size_t on_bound = 0;
    for (int k = 0; k < 16; ++k) {
      const arma::mat dx = -x + M * input, dM = 4 * (target - x) * input.t();
      if (solver == "euler") {
        x += dt * dx;
        M += dt * dM;
      } else if (solver == "sequential_euler") {
        x += dt * dx;
        M += dt * 4 * (target - x) * input.t();
      } else {
        const arma::mat later = x + dt * dx, M_later = M + dt * dM;
        x += dt / 2 * (dx - later + M_later * input);
        M += dt / 2 * (dM + 4 * (target - later) * input.t());
      }
      M = arma::clamp(M, -0.3, 0.4);
      on_bound += arma::accu(M == 0.4) + arma::accu(M == -0.3);
    }
    // the test would be none without
    CHECK(on_bound > 0);
    trials.learn(input, target);
    CHECK(apart(trials.value("x"), x) < 1e-13);
    CHECK(apart(trials.matrix("M"), M) < 1e-13);
  }
}

TEST_CASE("rules at the end of a trial: clip_delta, clip or normalise, momentum, decay, bounds, in this order") {
  const bool normalise = GENERATE(false, true);
  CircuitTrials trials(leaky + "'''\n[learning]\nat_end = \"M += eta*e*input' - 0.05*M\"\noptimiser = \"momentum\"\n" +
                           "momentum = 0.5\nclip_delta = 0.8\nclip = 0.9\nbounds = [-0.4, 0.4]\n" +
                           (normalise ? "normalise_updates = true\n" : ""),
                       by("euler"));
  arma::mat M = trials.matrix("M"), v(3, 4);
  for (unsigned trial = 0; trial < 5; ++trial) {
    const arma::mat input = shown(10 + trial, 4, 3), target = shown(20 + trial, 3, 3);
    arma::mat post = target - (1 - std::pow(1 - dt, 16)) * M * input;
    for (arma::uword c = 0; c < 3; ++c) post.col(c) *= std::min(1.0, 0.8 / arma::norm(post.col(c)));
    arma::mat raw = post * input.t();
    raw *= normalise ? 1 / arma::norm(raw, "fro") : std::min(1.0, 0.9 / arma::norm(raw, "fro"));
    v = 0.5 * v + raw;
    M = arma::clamp(0.95 * M + 0.1 * v, -0.4, 0.4);
    trials.learn(input, target);
    CHECK(apart(trials.matrix("M"), M) < 1e-13);
  }
}

TEST_CASE("continuous rules: several pre factors, several rules, a multiple of the matrix, and decay alone") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
dx/dt = -x + 2*M*input + N*input
e = target - x
dM/dt = 0.1*e*input' + 0.3*x*(input .* input)' - 0.2*M
4 dM/dt = 0.5*e*tanh(input)' - 0.1*M
dN/dt = -0.3*N
'''
)toml",
                       by("sequential_euler"));
  const arma::mat input = shown(3, 4, 1), target = shown(4, 3, 1);
  arma::mat M = trials.matrix("M"), N = trials.matrix("N"), x(3, 1);
  for (int k = 0; k < 16; ++k) {
    x += dt * (-x + 2 * M * input + N * input);
    const arma::mat e = target - x;
    M += dt * (0.1 * e * input.t() + 0.3 * x * (input % input).t() - 0.2 * M +
               (0.5 * e * arma::tanh(input).t() - 0.1 * M) / 4);
    N -= dt * 0.3 * N;
  }
  trials.learn(input, target);
  CHECK(apart(trials.value("x"), x) < 1e-13);
  CHECK(apart(trials.matrix("M"), M) < 1e-13);
  CHECK(apart(trials.matrix("N"), N) < 1e-13);
}

TEST_CASE("continuous rules: columns of a batch are summed, and a transpose follows its matrix") {
  const std::string solver = GENERATE("euler", "sequential_euler");
  const bool alone = GENERATE(false, true);  // the transpose alone is in use
  CAPTURE(solver, alone);
  CircuitTrials trials(std::string(R"toml(
[circuit]
equations = '''
size x = 3
)toml") + (alone ? "dx/dt = -x + target\n" : "dx/dt = -x + M*input\n") +
                           R"toml(
dy/dt = -y + M'*x
dM/dt = 0.1*(target - x)*(input - y)' - 0.2*M
'''
)toml",
                       by(solver));
  const arma::mat input = shown(5, 4, 3), target = shown(6, 3, 3);
  arma::mat M = trials.matrix("M");
  for (int trial = 0; trial < 2; ++trial) {
    arma::mat x(3, 3), y(4, 3);
    for (int k = 0; k < 16; ++k) {
      const arma::mat dx = -x + (alone ? target : arma::mat(M * input));
      if (solver == "sequential_euler") x += dt * dx;
      const arma::mat dy = -y + M.t() * x;
      if (solver == "sequential_euler") y += dt * dy;
      const arma::mat dM = 0.1 * (target - x) * (input - y).t() - 0.2 * M;
      M += dt * dM;
      if (solver == "euler") {
        x += dt * dx;
        y += dt * dy;
      }
    }
    trials.learn(input, target);
    CHECK(apart(trials.value("x"), x) < 1e-13);
    CHECK(apart(trials.value("y"), y) < 1e-13);
    CHECK(apart(trials.matrix("M"), M) < 1e-13);
  }
}

TEST_CASE("continuous rules of a batch: adaptive steps of all columns together come to the same weights") {
  const std::string text = leaky + "dM/dt = 0.2*e*input' - 0.1*M\n'''\n";
  const arma::mat input = shown(7, 4, 3), target = shown(8, 3, 3);
  CircuitTrials adaptive(text, by("dopri5", "rtol = 1e-10\natol = 1e-12\n"));
  CircuitTrials fixed(text, {.keys = "solver = \"rk4\"\ndt = 0.0078125\nduration = 2.0\n"});
  adaptive.learn(input, target);
  fixed.learn(input, target);
  // rk4's own error, (dt)^4 with rates of about 1
  CHECK(apart(adaptive.matrix("M"), fixed.matrix("M")) < 1e-8);
  CHECK(apart(adaptive.value("x"), fixed.value("x")) < 1e-8);
}

// --- eligibilities ---------------------------------------------------------------------------------------------------

namespace {

/// A low-pass for each column, as it is defined.
struct Eligibility {
  double tau;
  std::vector<arma::mat> E;
  void step(const arma::mat& post, const arma::mat& pre) {
    E.resize(post.n_cols, arma::mat(post.n_rows, pre.n_rows));
    for (arma::uword c = 0; c < post.n_cols; ++c) E[c] += dt / tau * (-E[c] + post.col(c) * pre.col(c).t());
  }
  [[nodiscard]] arma::mat sum(const arma::mat& factor) const {
    arma::mat all(arma::size(E[0]));
    for (arma::uword c = 0; c < factor.n_cols; ++c) all += E[c].each_col() % factor.col(c);
    return all;
  }
};

}  // namespace

TEST_CASE("low: an eligibility for each synapse and column, with a factor, at the end of phases and of the trial") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
dx/dt = -x + M*input
s = target - x
r = sum(s .* s)
size r = 1
k = input .* input
'''
[[phase]]
name = "a"
duration = 0.75
[[phase]]
name = "b"
duration = 1.25
[learning]
at_end = '''
M += eta*s .* low(x*input', 0.5) + 0.3*eta*end("a", low(x*input', 0.5)) - 0.2*eta*r .* low(tanh(x)*k', 2.0)
'''
)toml",
                       {.keys = "solver = \"euler\"\ndt = 0.125\n"});
  const arma::mat input = shown(9, 4, 3), target = shown(10, 3, 3), M = trials.matrix("M");
  arma::mat x(3, 3);
  Eligibility fast{0.5, {}}, slow{2, {}};
  arma::mat at_a;
  for (int k = 0; k < 16; ++k) {
    const arma::mat dx = -x + M * input;
    fast.step(x, input);
    slow.step(arma::tanh(x), input % input);
    x += dt * dx;
    if (k == 5) at_a = fast.sum(arma::mat(3, 3, arma::fill::ones));
  }
  const arma::mat s = target - x, r = arma::repmat(arma::sum(s % s, 0), 3, 1);
  trials.learn(input, target);
  const arma::mat expected = M + 0.1 * (fast.sum(s) + 0.3 * at_a - 0.2 * slow.sum(r));
  CHECK(apart(trials.matrix("M"), expected) < 1e-13);
}

TEST_CASE("low: in continuous rules, and averaged over time") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
dx/dt = -x + M*input
s = target - x
dM/dt = 0.2*s .* low(x*input', 0.5) - 0.1*M
dq/dt = -q + Q*x
size q = 3
'''
[learning]
at_end = "Q += eta*avg(s .* low(x*x', 0.5))"
)toml",
                       by("sequential_euler"));
  const arma::mat input = shown(11, 4, 2), target = shown(12, 3, 2), Q = trials.matrix("Q");
  arma::mat M = trials.matrix("M"), x(3, 2), mean(3, 3);
  Eligibility E{0.5, {}}, F{0.5, {}};
  F.E.resize(2, arma::mat(3, 3));
  for (int k = 0; k < 16; ++k) {
    // averages are of left ends
    mean += F.sum(target - x) / 16;
    x += dt * (-x + M * input);
    E.step(x, input);
    F.step(x, x);
    M += dt * (0.2 * E.sum(target - x) - 0.1 * M);
  }
  trials.learn(input, target);
  CHECK(apart(trials.matrix("M"), M) < 1e-13);
  CHECK(apart(trials.matrix("Q"), Q + 0.1 * mean) < 1e-13);
}

TEST_CASE("low: the closed form, by a solver of higher order") {
  // x rests at v: E = (1 - e^(-t/tau)) v input'
  CircuitTrials trials(
      "[circuit]\nequations = '''\nsize x = 3\nx = M*input\ndy/dt = -y + x\n'''\n[learning]\nat_end = \"M += "
      "eta*low(x*input', "
      "0.5)\"\n",
      by("rk4"));
  const arma::mat input = shown(13, 4, 1), target = shown(14, 3, 1), M = trials.matrix("M");
  trials.learn(input, target);
  // (dt/tau)^4/120 of a relaxation that has decayed by e^-4
  CHECK(apart(trials.matrix("M"), M + 0.1 * (1 - std::exp(-4.0)) * M * input * input.t()) < 1e-5);
}
