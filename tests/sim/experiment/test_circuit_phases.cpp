// Phases of a circuit file, against Euler's steps written out by hand.

#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <cmath>
#include <functional>

#include "support/circuit_trials.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

constexpr double dt = 0.125;
const AroundCircuit sequential{.keys = "solver = \"sequential_euler\"\ndt = 0.125\nduration = 2.0\n"};

/// What Euler's steps do to x and y: first x by f(x), then y by g(x, y) with the newest x.
struct State2 {
  arma::mat x, y;
  void run(double duration, const std::function<arma::mat(const arma::mat&)>& f, bool y_moves, const arma::mat& N) {
    for (int k = 0; k < std::lround(duration / dt); ++k) {
      if (f) x += dt * f(x);
      if (y_moves) y += dt * (-0.5 * y + N * x);
    }
  }
};

}  // namespace

TEST_CASE("phases: set, equations, hold, from, parameters and moves do what the same steps by hand do") {
  CircuitTrials trials(R"toml(
[parameters]
k = 1.0
[circuit]
equations = '''
dx/dt = -x + M*input + push
dy/dt = -0.5*y + N*x
push = 0
z = x .* x + push
size y = 2
'''
[initial]
x = "0.1*i"
[[phase]]
name = "free"
duration = 1.0
[[phase]]
name = "plus"
duration = 1.5
set = "aim = x + 0.5*(target - x)"
equations = "push = k*(aim - x)"
parameters = { k = 2.0 }
[[phase]]
name = "minus"
duration = 1.0
from = "free"
equations = "push = -k*(target - x)"
hold = ["y"]
[[phase]]
name = "start"
duration = 0.5
from = "initial"
moves = ["y"]
[[phase]]
name = "last"
duration = 0.25
)toml",
                       sequential);
  const arma::mat input = shown(1, 4, 3), target = shown(2, 3, 3);
  trials.run(input, target);
  const arma::mat drive = trials.matrix("M") * input, N = trials.matrix("N");
  const State2 initial{arma::repmat(arma::vec{0.1, 0.2, 0.3}, 1, 3), arma::mat(2, 3)};

  const auto end_of = [&](std::size_t phase, const char* name) { return trials.path(phase, name).back(); };
  State2 s = initial;
  s.run(
      1.0, [&](const arma::mat& x) -> arma::mat { return -x + drive; }, true, N);
  const State2 free = s;
  CHECK(apart(end_of(0, "x"), s.x) < 1e-13);
  CHECK(apart(end_of(0, "y"), s.y) < 1e-13);
  const arma::mat aim = s.x + 0.5 * (target - s.x);
  s.run(
      1.5, [&](const arma::mat& x) -> arma::mat { return -x + drive + 2 * (aim - x); }, true, N);
  CHECK(apart(end_of(1, "x"), s.x) < 1e-13);
  CHECK(apart(end_of(1, "y"), s.y) < 1e-13);
  s = free;
  s.run(
      1.0, [&](const arma::mat& x) -> arma::mat { return -x + drive - (target - x); }, false, N);
  CHECK(apart(end_of(2, "x"), s.x) < 1e-13);
  s = initial;
  s.run(0.5, nullptr, true, N);
  CHECK(apart(end_of(3, "y"), s.y) < 1e-13);
  s.run(
      0.25, [&](const arma::mat& x) -> arma::mat { return -x + drive; }, true, N);
  CHECK(apart(trials.value("x"), s.x) < 1e-13);
  CHECK(apart(trials.value("y"), s.y) < 1e-13);
  // released, push is what the circuit says again
  CHECK(trials.value("push").is_zero());
  CHECK(apart(trials.value("z"), s.x % s.x) < 1e-13);
}

TEST_CASE("phases: a population that a phase gives goes on from there, by whatever name it is used") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
du/dt = -0.2*u + target - x
v = 2*u
dx/dt = -x + M*input + v
'''
[[phase]]
name = "off"
duration = 1.0
equations = "u = 0.25"
[[phase]]
name = "on"
duration = 1.0
)toml",
                       sequential);
  const arma::mat input = shown(3, 4, 2), target = shown(4, 3, 2);
  trials.run(input, target);
  arma::mat x(3, 2), u(3, 2);
  u.fill(0.25);
  for (int k = 0; k < 16; ++k) {
    if (k >= 8) u += dt * (-0.2 * u + target - x);
    x += dt * (-x + trials.matrix("M") * input + 2 * u);
  }
  CHECK(apart(trials.value("x"), x) < 1e-13);
  CHECK(apart(trials.value("u"), u) < 1e-13);
  CHECK(apart(trials.value("v"), 2 * u) < 1e-13);
}

TEST_CASE("phases: white noise acts on what moves, and is the generator's") {
  CircuitTrials trials(R"(
[circuit]
equations = '''
size x = 4
size z = 4
tau dx/dt = -x + noise(sigma)
dz/dt = x - z
'''
[parameters]
tau = 2.0
sigma = 0.5
[[phase]]
name = "one"
duration = 2.0
[[phase]]
name = "held"
duration = 1.0
moves = ["z"]
[[phase]]
name = "two"
duration = 1.0
parameters = { sigma = 0.25 }
)",
                       {.keys = "solver = \"euler_maruyama\"\ndt = 0.25\n"});
  const arma::mat input(4, 3, arma::fill::zeros);
  trials.run(input, arma::mat(3, 3, arma::fill::zeros));
  arma::mat x(4, 3, arma::fill::zeros);
  const std::uint64_t key = random_key(0, "white noise of x");
  for (std::uint64_t k = 0; k < 16; ++k) {
    if (k >= 8 && k < 12) continue;
    x -= 0.25 / 2 * x;
    for (arma::uword c = 0; c < 3; ++c)
      kernels().noise({.key = {key, c},
                       .step = k,
                       .scale = (k < 8 ? 0.5 : 0.25) / 2 * std::sqrt(0.25),
                       .x = x.colptr(c),
                       .units = 4});
  }
  // the same operations, but that the kernel of the drift may contract two of them
  CHECK(arma::abs(trials.value("x") - x).max() < 1e-14);
}

TEST_CASE("phases: end(..) and avg(..) read the phases that they name") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
dx/dt = -x + M*input + nudge
nudge = 0
'''
[[phase]]
name = "free"
duration = 1.0
[[phase]]
name = "plus"
duration = 1.0
equations = "nudge = target - x"
[[phase]]
name = "minus"
from = "free"
duration = 1.0
equations = "nudge = x - target"
[learning]
at_end = "M += eta*(end(\"plus\", x*input') - end(\"minus\", x*input')) + eta*avg(nudge*input', \"plus\")"
)toml",
                       sequential);
  const arma::mat input = shown(5, 4, 3), target = shown(6, 3, 3);
  const arma::mat M = trials.matrix("M"), drive = M * input;
  trials.learn(input, target);
  arma::mat x(3, 3), mean(3, 3);
  for (int k = 0; k < 8; ++k) x += dt * (-x + drive);
  arma::mat plus = x, minus = x;
  for (int k = 0; k < 8; ++k) {
    mean += (target - plus) / 8;
    plus += dt * (-plus + drive + target - plus);
    minus += dt * (-minus + drive + minus - target);
  }
  CHECK(apart(trials.matrix("M"), M + 0.1 * (plus - minus + mean) * input.t()) < 1e-13);
}

TEST_CASE("phases: until_settled ends early at the steady state, and the next phase begins there") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + M*input
dy/dt = -y + x
'''
[[phase]]
name = "settle"
duration = 1000.0
until_settled = true
moves = ["x"]
[[phase]]
name = "then"
duration = 1.0
hold = ["x"]
)toml",
                       {.keys = "solver = \"euler\"\ndt = 0.125\n"});
  const arma::mat input = shown(7, 4, 2), target(3, 2);
  trials.run(input, target);
  // |dx/dt| is at most 1e-6 of |x| where it ends
  const arma::mat steady = trials.matrix("M") * input;
  CHECK(apart(trials.value("x"), steady) < 2e-6 * arma::abs(steady).max());
  CHECK(trials.runner().stage(0).solver_run().steps < 200);
  CHECK(trials.runner().stage(1).solver_run().steps == 8);
  CHECK(apart(trials.value("y"), (1 - std::pow(1 - dt, 8)) * trials.value("x")) < 1e-13);
}

TEST_CASE("phases: one of evaluations is not run in learning, and what comes after it does not see it") {
  const auto text = [](const std::string& between) {
    return R"toml(
[circuit]
equations = '''
dx/dt = -x + M*input + push
push = 0
z = 3*push
'''
[[phase]]
name = "first"
duration = 1.0
equations = "push = target"
)toml" + between +
           R"toml(
[[phase]]
name = "second"
duration = 1.0
)toml";
  };
  CircuitTrials with(text("[[phase]]\nname = \"look\"\nduration = 1.0\nduring = \"evaluation\"\n"), sequential);
  CircuitTrials without(text(""), sequential);
  const arma::mat input = shown(8, 4, 2), target = shown(9, 3, 2);
  with.run(input, target);
  without.run(input, target);
  CHECK(with.runner().stages() == 2);
  for (const char* name : {"x", "push", "z"}) {
    CAPTURE(name);
    CHECK(apart(with.value(name), without.value(name)) == 0);
  }
  CHECK(without.value("z").is_zero());
}

TEST_CASE("phases: [initial] is evaluated as in the first phase") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + M*input
c = 2*input
dy/dt = -y + c
'''
[initial]
y = "c"
[[phase]]
name = "first"
duration = 0.125
equations = "c = 3*input"
)toml",
                       {.keys = sequential.keys, .layers = "3, 5, 3"});
  const arma::mat input = shown(10, 3, 2), target(3, 2);
  trials.run(input, target);
  // y = 3 input from the start: it rests
  CHECK(apart(trials.value("y"), 3 * input) < 1e-14);
}

// --- continuous rules ------------------------------------------------------------------------------------------------

TEST_CASE("continuous rules: weights move within a trial, from phase to phase, where they learn") {
  const bool ends = GENERATE(false, true);
  CircuitTrials trials(std::string(R"toml(
[parameters]
tau_w = 5.0
[circuit]
equations = '''
dx/dt = -x + M*input
e = target - x
z = M*input
tau_w dM/dt = eta*e*input' - 0.3*M
'''
[[phase]]
name = "a"
duration = 0.5
[[phase]]
name = "b"
duration = 0.5
learn = []
[[phase]]
name = "c"
duration = 0.75
parameters = { tau_w = 50.0 }
)toml") + (ends ? "[learning]\nat_end = \"M += eta*x*input' - 0.1*M\"\n" : ""),
                       sequential);
  const arma::mat input = shown(11, 4, 1), target = shown(12, 3, 1);
  arma::mat M = trials.matrix("M");
  for (int trial = 0; trial < 3; ++trial) {
    arma::mat x(3, 1);
    for (int k = 0; k < 14; ++k) {
      x += dt * (-x + M * input);
      // rules use the trial's parameters, not a phase's own
      if (k < 4 || k >= 8) M += dt / 5 * (0.1 * (target - x) * input.t() - 0.3 * M);
    }
    const arma::mat moved = M;
    if (ends) M += 0.1 * x * input.t() - 0.1 * M;
    trials.learn(input, target);
    CHECK(apart(trials.value("x"), x) < 1e-13);
    CHECK(apart(trials.value("z"), moved * input) < 1e-13);
    CHECK(apart(trials.matrix("M"), M) < 1e-13);
  }
}

TEST_CASE("continuous rules: factors that are rates, gains or other signals, in one matrix that stands in two places") {
  CircuitTrials trials(R"toml(
[circuit]
equations = '''
size x = 3
dx/dt = -x + M*input
dy/dt = -y + M*tanh(k)
dk/dt = -k + input
dM/dt = eta*(x .* tanh'(y))*tanh(k)' - 0.2*M
dN/dt = eta*(x + y^2)*(k .* k)'
dq/dt = -q + N*k
'''
)toml",
                       sequential);
  const arma::mat input = shown(13, 4, 1), target(3, 1);
  arma::mat M = trials.matrix("M"), N = trials.matrix("N"), x(3, 1), y(3, 1), k(4, 1), q(3, 1);
  for (int step = 0; step < 16; ++step) {
    x += dt * (-x + M * input);
    y += dt * (-y + M * arma::tanh(k));
    k += dt * (-k + input);
    q += dt * (-q + N * k);
    M += dt * (0.1 * (x % (1 - arma::square(arma::tanh(y)))) * arma::tanh(k).t() - 0.2 * M);
    N += dt * 0.1 * (x + y % y) * (k % k).t();
  }
  trials.learn(input, target);
  CHECK(apart(trials.matrix("M"), M) < 1e-13);
  CHECK(apart(trials.matrix("N"), N) < 1e-13);
  CHECK(apart(trials.value("q"), q) < 1e-13);
}
