#pragma once

/// What is asked for, the state at the end of a segment, by less work than a solver's plain way to it (design of the
/// project, "fast forms"). A fast solver gives the same state as the plain one but for rounding, and the plain one's
/// trajectory where one is asked for. The state at the end does not depend on whether one is.
///
/// | form       | of                                                    | takes the place of                           |
/// |------------|-------------------------------------------------------|----------------------------------------------|
/// | reduced    | one loop from rest, constant input (reduced_loop.hpp) | the weights, by the n_0 x n_0 matrix M       |
/// | strided    | such a loop, linear, of two, sequential Euler         | up to 16 steps, by one product of such an M  |
/// | propagated | such a loop, linear, fixed steps                      | K steps, by about log2 K squarings of one    |
///
/// Where none holds, or a state comes near the divergence limit, the plain solver runs. `settle_tolerance` looks at
/// all populations on their way, and adaptive steps at their errors: those stay plain.

#include <dynvert/sim/solvers/solver.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace dynvert {

[[nodiscard]] std::unique_ptr<Solver> make_accelerated_solver(const SolverKind& kind, const SolverSettings& settings);

enum class AcceleratedForm { plain, reduced, strided, propagated };

struct FormOfCircuit {
  AcceleratedForm form = AcceleratedForm::plain;
  std::size_t units = 0;   ///< n_0, of forms that are not plain
  std::size_t values = 0;  ///< numbers that the form keeps in memory
};

/// The form that a fast solver takes for a circuit that is driven at one population, from rest.
[[nodiscard]] FormOfCircuit accelerated_form(const Circuit& circuit, PopulationIndex driven, const SolverKind& kind,
                                             const SolverSettings& settings, double duration, std::size_t columns);

}  // namespace dynvert
