#pragma once

/// A stepper of Boost.Odeint as the scheme of a solver with a fixed step.

#include <dynvert/sim/solvers/fixed_step.hpp>

#include <functional>
#include <memory>

namespace dynvert {

/// @param evaluations  of the right-hand side in a step
template <typename Stepper>
[[nodiscard]] Scheme odeint_scheme(std::size_t evaluations) {
  // the steppers size their temporaries once: a new one whenever the columns change
  auto stepper = std::make_shared<Stepper>();
  return {.start = [stepper](RightHandSide&, State&, double) { *stepper = Stepper(); },
          .advance =
              [stepper](RightHandSide& f, State& x, const Steps& steps) {
                for (std::size_t k = steps.first; k < steps.first + steps.count; ++k) {
                  stepper->do_step(std::ref(f), x, steps.time(k), steps.dt);
                  if (f.has_bounds()) f.clip_weights(x);
                }
              },
          .evaluations_per_step = evaluations};
}

}  // namespace dynvert
