#pragma once

/// Large batches in groups of columns, so that several threads can take them. The groups are the same whatever the
/// number of threads: the last bits of a column may depend on those that share a product with it
/// (models/circuit/product.hpp). A group is large enough that sharing costs nothing: products of 64 columns run at
/// the speed of those of more.

#include <dynvert/sim/solvers/solver.hpp>

#include <cstddef>
#include <memory>

namespace dynvert {

inline constexpr std::size_t columns_in_group = 64;

/// Groups of a batch, as equal as can be.
[[nodiscard]] constexpr std::size_t column_groups(std::size_t columns) noexcept {
  return (columns + columns_in_group - 1) / columns_in_group;
}

/// Copies of a circuit's evaluator that the groups of a batch take. Solvers that do something for all columns together
/// (a factorisation, an exponential) have no groups.
[[nodiscard]] std::size_t evaluators_of_groups(const SolverKind& kind, std::size_t columns,
                                               std::size_t threads) noexcept;

/// The reference integration, on settings.threads threads. Throws what the first of the groups throws.
[[nodiscard]] std::unique_ptr<Solver> make_reference_solver(const SolverKind& kind, const SolverSettings& settings);

}  // namespace dynvert
