#pragma once

#include <dynvert/sim/solvers/accelerated_solver.hpp>

#include <memory>
#include <string_view>

namespace dynvert::benchmarks {

/// The solver that experiments use where nobody asks for a trajectory.
[[nodiscard]] inline std::unique_ptr<Solver> make_fast(std::string_view solver, const SolverSettings& settings) {
  return make_accelerated_solver(solver_kind(solver), settings);
}

}  // namespace dynvert::benchmarks
