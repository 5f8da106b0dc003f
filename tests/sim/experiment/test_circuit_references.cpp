// last(x), and algebraic populations in a circle: algebraic_loop = "lag" against its own recursion, "solve" against the
// implicit equation, the limit of fast populations, and differences.

#include <dynvert/sim/solvers/solver.hpp>

#include <cmath>

#include "support/circuit_trials.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

constexpr double dt = 0.125;

AroundCircuit by(const std::string& solver, const std::string& more = "duration = 2.0\n") {
  return {.keys = "solver = \"" + solver + "\"\ndt = 0.125\n" + more};
}

/// What one step makes of x' = -x + c: the step's own polynomial of the exponential function.
double step_factor(const std::string& solver) {
  const double h = -dt;
  if (solver == "rk4") return 1 + h * (1 + h / 2 * (1 + h / 3 * (1 + h / 4)));
  if (solver == "heun") return 1 + h * (1 + h / 2);
  return 1 + h;
}

}  // namespace

TEST_CASE("lag: references to populations that stand later, or to themselves, read the step before") {
  const std::string solver = GENERATE("euler", "sequential_euler", "heun", "rk4");
  const bool in_two_phases = GENERATE(false, true);
  CAPTURE(solver, in_two_phases);
  CircuitTrials trials(std::string(R"toml(
[circuit]
algebraic_loop = "lag"
equations = '''
size x = 3
dx/dt = -x + M*input + y
y = tanh(z) + 0.3*y
z = x .* y
w = z + last(x) + last(w)
'''
)toml") + (in_two_phases ? "[[phase]]\nname = \"a\"\nduration = 0.75\n[[phase]]\nname = \"b\"\nduration = 1.25\n" : ""),
                       by(solver));
  const arma::mat input = shown(1, 4, 2), target = shown(2, 3, 2), drive = trials.matrix("M") * input;
  const double R = step_factor(solver);
  arma::mat x(3, 2), y(3, 2), z(3, 2), w(3, 2), x_before(3, 2);
  for (int k = 0; k <= 16; ++k) {
    // the recursion: z is that of the step before when y is taken
    y = arma::tanh(z) + 0.3 * y;
    z = x % y;
    w = z + x_before + w;
    if (k == 16) break;
    x_before = x;
    x = R * x + (1 - R) * (drive + y);
  }
  trials.run(input, target);
  CHECK(apart(trials.value("x"), x) < 1e-13);
  CHECK(apart(trials.value("y"), y) < 1e-13);
  CHECK(apart(trials.value("z"), z) < 1e-13);
  CHECK(apart(trials.value("w"), w) < 1e-12);
}

TEST_CASE("last(x) alone needs no algebraic_loop, and rules read it") {
  CircuitTrials trials(
      "[circuit]\nequations = '''\nsize x = 3\ndx/dt = -x + M*input\n'''\n[learning]\n"
      "at_end = \"M += eta*(x - last(x))*input'\"\n",
      by("euler"));
  const arma::mat input = shown(1, 4, 2), target = shown(2, 3, 2), M = trials.matrix("M");
  trials.learn(input, target);
  // x_k = (1 - (1 - dt)^k) M input
  const arma::mat last_step = dt * std::pow(1 - dt, 15) * M * input;
  CHECK(apart(trials.matrix("M"), M + 0.1 * last_step * input.t()) < 1e-14);
}

// --- circles that are solved --------------------------------------------------------------------------------------

namespace {

const std::string circle = R"toml(
[circuit]
algebraic_loop = "solve"
equations = '''
size x = 3
dx/dt = -x + y
y = M*input + 0.2*tanh(z)
z = N*y + 0.5*x .* y
'''
)toml";

double residual(CircuitTrials& trials, const arma::mat& input) {
  const arma::mat x = trials.value("x"), y = trials.value("y"), z = trials.value("z");
  const double of_y = apart(y, trials.matrix("M") * input + 0.2 * arma::tanh(z));
  return std::max(of_y, apart(z, trials.matrix("N") * y + 0.5 * x % y));
}

}  // namespace

TEST_CASE("solve: the implicit equation holds up to rounding, whatever the solver") {
  const std::string solver =
      GENERATE("euler", "sequential_euler", "heun", "rk4", "dopri5", "rosenbrock4", "fixed_point");
  CAPTURE(solver);
  const AroundCircuit around =
      solver == "fixed_point" ? AroundCircuit{.keys = "solver = \"fixed_point\"\n"} : by(solver);
  CircuitTrials trials(circle, around);
  const arma::mat input = shown(3, 4, 3), target = shown(4, 3, 3);
  trials.run(input, target);
  // a few operations on numbers of about 1
  CHECK(residual(trials, input) < 5e-15);
  if (solver == "fixed_point") CHECK(apart(trials.value("x"), trials.value("y")) < 1e-12);
}

TEST_CASE("solve: Euler's steps, each with the equation solved by iteration") {
  const std::string solver = GENERATE("euler", "sequential_euler");
  CircuitTrials trials(circle, by(solver));
  const arma::mat input = shown(3, 4, 3), target = shown(4, 3, 3);
  arma::mat x(3, 3), y(3, 3);
  const auto solve = [&] {
    // a contraction: 0.2 |N + x / 2| is below 1 with these numbers
    for (int k = 0; k < 500; ++k)
      y = trials.matrix("M") * input + 0.2 * arma::tanh(trials.matrix("N") * y + 0.5 * x % y);
  };
  for (int k = 0; k < 16; ++k) {
    solve();
    x += dt * (-x + y);
  }
  solve();
  trials.run(input, target);
  CHECK(apart(trials.value("x"), x) < 1e-13);
  CHECK(apart(trials.value("y"), y) < 1e-13);
}

TEST_CASE("solve is the limit of fast populations") {
  const std::string fast = R"toml(
[parameters]
tau = 0.1
[circuit]
equations = '''
size x = 3
dx/dt = -x + y
tau dy/dt = -y + M*input + 0.2*tanh(z)
z = N*y + 0.5*x .* y
'''
)toml";
  const arma::mat input = shown(3, 4, 2), target = shown(4, 3, 2);
  const std::string tight = "rtol = 1e-10\natol = 1e-12\nduration = 2.0\n";
  CircuitTrials solved(circle, by("dopri5", tight));
  solved.run(input, target);
  const auto error = [&](double tau) {
    CircuitTrials trials(fast, by("dopri5", tight + "tau = " + std::to_string(tau) + "\n"));
    trials.run(input, target);
    return apart(trials.value("x"), solved.value("x"));
  };
  const double coarse = error(0.02), fine = error(0.01);
  CAPTURE(coarse, fine);
  // first order in tau
  CHECK(coarse / fine == Approx(2).margin(0.1));
  CHECK(fine < 0.02);
}

TEST_CASE("solve: the Jacobian is total, by the implicit function theorem") {
  CircuitTrials trials(circle, by("euler"));
  const arma::mat input = shown(3, 4, 1), target = shown(4, 3, 1);
  trials.run(input, target);
  RightHandSide f = trials.runner().stage(0).f();
  State x = trials.runner().stage(0).x();
  const Layout layout = f.layout();
  const arma::mat J = f.jacobian(x, 0);
  const PopulationIndex moving = f.circuit().population("x");
  const auto slope = [&](const State& at) {
    State dxdt(layout.size());
    f(at, dxdt, 0);
    return arma::vec(layout.gather(dxdt, 0));
  };
  const double h = 1e-5;
  for (std::size_t i = 0; i < layout.units(moving); ++i) {
    State up = x, down = x;
    layout.view(std::span<double>(up), moving)(i, 0) += h;
    layout.view(std::span<double>(down), moving)(i, 0) -= h;
    const arma::vec difference = (slope(up) - slope(down)) / (2 * h);
    // h^2 times third derivatives of about 1, and rounding / h
    CHECK(apart(J.col(layout.variable_offset(moving) + i), difference) < 1e-9);
  }
  // what stands for others is no variable
  for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
    if (f.circuit().populations()[p].stands_for) CHECK(J.cols(f.variables_of(std::vector{p})).is_zero());
  }
}

TEST_CASE("solve: circles of what rests are solved when a phase opens, and when a trial begins") {
  CircuitTrials trials(R"toml(
[circuit]
algebraic_loop = "solve"
equations = '''
size y = 3
y = M*input + k*tanh(N*y)
dx/dt = -x + y
'''
[parameters]
k = 0.3
[initial]
x = "y"
[[phase]]
name = "a"
duration = 0.5
[[phase]]
name = "b"
duration = 0.5
parameters = { k = 0.1 }
)toml",
                       by("euler", ""));
  const arma::mat input = shown(5, 4, 2), target = shown(6, 3, 2);
  trials.run(input, target);
  const auto solved = [&](double k) {
    arma::mat y(3, 2);
    for (int i = 0; i < 500; ++i) y = trials.matrix("M") * input + k * arma::tanh(trials.matrix("N") * y);
    return y;
  };
  const arma::mat first = solved(0.3), second = solved(0.1);
  // x begins at y and rests
  CHECK(apart(trials.path(0, "x").front(), first) < 1e-14);
  CHECK(apart(trials.path(0, "x").back(), first) < 1e-14);
  CHECK(apart(trials.value("y"), second) < 1e-14);
  CHECK(apart(trials.value("x"), second + std::pow(1 - dt, 4) * (first - second)) < 1e-14);
}

TEST_CASE("solve: without a solution the trial fails, and says why") {
  // y = y^2 + 1 has none
  CircuitTrials trials(
      "[circuit]\nalgebraic_loop = \"solve\"\nequations = '''\nsize x = 3\ndx/dt = -x + y\n"
      "y = y .* y + 1 + 0*x\n'''\n",
      by("euler"));
  trials.runner().show(trials.network, shown(7, 4, 1), shown(8, 3, 1), nullptr);
  const auto failure = trials.runner().run({.network = trials.network, .feedback = {}});
  REQUIRE(failure);
  CHECK(failure->fault == Fault::no_steady_state);
  CHECK_THAT(failure->cause->what(), Catch::Matchers::Contains("in a circle"));
}
