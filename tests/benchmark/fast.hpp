#pragma once

#include <dynvert/sim/solver.hpp>

#include <memory>
#include <string_view>

namespace dynvert::benchmarks {

/// The solver that experiments use where nobody asks for a trajectory.
[[nodiscard]] inline std::unique_ptr<Solver> make_fast(std::string_view solver, const SolverSettings& settings) {
  return solver_kind(solver).make(settings);
}

}  // namespace dynvert::benchmarks
