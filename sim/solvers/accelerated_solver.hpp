#pragma once

/// Accelerated integration: the state at the end of a segment by less work than the reference integration, which takes
/// a solver's own steps of the whole circuit. The state is the same up to rounding error; a trajectory, where one is
/// asked for, is that of the reference integration. The state at the end does not depend on whether one is.
///
/// | form       | of                                                    | replaces                                        |
/// |------------|-------------------------------------------------------|-------------------------------------------------|
/// | reduced    | one loop from rest, constant input (reduced_loop.hpp) | the weights, by the n_0 x n_0 matrix M          |
/// | strided    | such a loop, linear, of two; populations one by one   | up to 16 steps, by one product of such an M     |
/// | propagated | such a loop, linear, fixed steps                      | K steps, by about log2 K squarings of one       |
///
/// Where none applies, or a state comes near the divergence limit, the reference integration runs. It also does with a
/// `settle_tolerance`, which looks at all populations on their way, and with adaptive steps, which look at their
/// errors.

#include <dynvert/sim/solvers/solver.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace dynvert {

[[nodiscard]] std::unique_ptr<Solver> make_accelerated_solver(const SolverKind& kind, const SolverSettings& settings);

enum class AcceleratedForm { reference, reduced, strided, propagated };

struct FormOfCircuit {
  AcceleratedForm form = AcceleratedForm::reference;
  std::size_t units = 0;   ///< n_0, of reduced-order forms
  std::size_t values = 0;  ///< numbers that the form keeps in memory
};

/// The form that an accelerated solver takes for a circuit that is driven at one population, from rest.
[[nodiscard]] FormOfCircuit accelerated_form(const Circuit& circuit, PopulationIndex driven, const SolverKind& kind,
                                             const SolverSettings& settings, double duration, std::size_t columns);

}  // namespace dynvert
