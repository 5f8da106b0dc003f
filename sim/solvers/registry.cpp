// The solvers, in the order in which they are listed to people.

#include <dynvert/models/registry.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <array>

// A new solver is one line here: NAME stands for NAME_solver(), which its file defines.
// clang-format off
#define DYNVERT_SOLVERS(solver) \
  solver(euler)                 \
  solver(sequential_euler)      \
  solver(heun)                  \
  solver(rk4)                   \
  solver(dopri5)                \
  solver(rosenbrock4)           \
  solver(exact)                 \
  solver(fixed_point)           \
  solver(euler_maruyama)
// clang-format on

namespace dynvert {

#define DYNVERT_DECLARE(name) SolverKind name##_solver();
DYNVERT_SOLVERS(DYNVERT_DECLARE)
#undef DYNVERT_DECLARE

std::span<const SolverKind> solver_kinds() {
#define DYNVERT_ENTRY(name) name##_solver(),
  static const std::array kinds{DYNVERT_SOLVERS(DYNVERT_ENTRY)};
#undef DYNVERT_ENTRY
  return kinds;
}

const SolverKind& solver_kind(std::string_view name) { return find_by_name(solver_kinds(), name, "solver"); }

}  // namespace dynvert
