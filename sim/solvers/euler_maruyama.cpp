// The Euler-Maruyama method (Kloeden & Platen, Numerical Solution of Stochastic Differential Equations, 1992, section
// 10.2):
//
//     x <- x + dt f(t, x) + sigma/tau dW,   dW = sqrt(dt) xi,   xi normal
//
// of strong and weak order 1, since the noise does not depend on the state. A step may take its dW as the sum of m
// equal parts (noise_parts): with dt and m = 1, with 2 dt and m = 2, .. the path of W is the same, for tests of order.
// Without noise it is forward Euler, bit for bit.

#include <dynvert/sim/solvers/fixed_step.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <cmath>

namespace dynvert {

SolverKind euler_solver();

namespace {

const Parameter noise_parts{.name = "noise_parts",
                            .default_value = std::int64_t{1},
                            .min = 1,
                            .max = 1024,
                            .meaning =
                                "The noise of a step is the sum of so many parts: with dt doubled and twice the "
                                "parts the path of the noise is the same"};

Scheme euler_maruyama_scheme(std::size_t parts) {
  Scheme scheme = euler_solver().scheme();
  scheme.adds_noise = true;
  scheme.advance = [drift = scheme.advance, parts](RightHandSide& f, State& x, const Steps& steps) {
    if (!f.circuit().has_noise()) return drift(f, x, steps);
    // number of the first step of this call, counted from time 0
    const auto first = static_cast<std::uint64_t>(std::llround(steps.time(steps.first) / steps.dt));
    for (std::size_t k = 0; k < steps.count; ++k) {
      drift(f, x, {.start = steps.start, .dt = steps.dt, .first = steps.first + k, .count = 1});
      for (std::size_t part = 0; part < parts; ++part)
        f.add_noise(x, (first + k) * parts + part, steps.dt / static_cast<double>(parts));
    }
  };
  return scheme;
}

}  // namespace

SolverKind euler_maruyama_solver() {
  SolverKind kind = euler_solver();
  kind.name = "euler_maruyama";
  kind.summary = "forward Euler with white noise";
  kind.parameters = {noise_parts};
  kind.can_settle = false;
  kind.takes_noise = true;
  kind.coordinate_free = false;
  kind.steps = std::nullopt;
  // of a circuit without noise, where the number of its parts is nothing
  kind.scheme = [] { return euler_maruyama_scheme(1); };
  kind.make = [](const SolverSettings& settings) {
    return make_fixed_step(settings,
                           euler_maruyama_scheme(static_cast<std::size_t>(settings.parameters.integer(noise_parts))));
  };
  return kind;
}

}  // namespace dynvert
