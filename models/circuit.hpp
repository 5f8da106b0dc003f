#pragma once

/// A circuit is populations and projections (design of the project, "one kind of thing moves in time"):
///
///     tau_i dx_i/dt = -leak_i x_i + sum over projections j->i of C_ij f_ij(x_j) + input_i(t)
///
/// | symbol  | shape           | meaning                                            | units           |
/// |---------|-----------------|----------------------------------------------------|-----------------|
/// | x_i     | n_i x columns   | state of population i, a column a trial            | 1               |
/// | tau_i   |                 | time constant, > 0                                 | time            |
/// | leak_i  |                 | leak, >= 0 (0: an integrator)                      | 1               |
/// | C_ij    | n_i x n_j       | weights of the projection, or a number: c I        | 1               |
/// | f_ij    |                 | what is transmitted: x_j, g_j(x_j), or gain .* x_j | 1               |
/// | input_i | n_i x columns   | external input                                     | 1               |
///
/// This is the description, a plain value. RightHandSide (right_hand_side.hpp) evaluates it.

#include <armadillo>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dynvert {

using PopulationIndex = std::size_t;
using ProjectionIndex = std::size_t;

struct Population {
  std::string name;       ///< "delta_1", "u_2"
  std::size_t units = 0;  ///< n
  double tau = 1;         ///< time constant
  double leak = 1;
  std::string rate = "linear";  ///< g, a name of rate_function.hpp
};

/// What a projection transmits of its source.
enum class Transmit {
  state,  ///< x_j
  rate,   ///< g_j(x_j)
  gain,   ///< gain .* x_j: a gain per source unit and column, fixed during a run or following another population
};

/// A gain that follows a population p of the source's size: g_p'(x_p), or its reciprocal.
struct GainFollows {
  PopulationIndex population = 0;
  bool reciprocal = false;
};

/// C: a matrix (target units x source units), or a number c for the one-to-one projection c I.
using Weights = std::variant<arma::mat, double>;

struct Projection {
  std::string name;  ///< "W2", "B2"
  PopulationIndex source = 0;
  PopulationIndex target = 0;
  Weights weights = 1.0;
  Transmit transmits = Transmit::state;
  std::optional<GainFollows> follows = std::nullopt;  ///< of Transmit::gain: absent, the gain is given per trial
};

class Circuit {
 public:
  /// @throws ValueError  no units, tau not positive and finite, leak negative or not finite, an unknown rate function,
  ///                     a name that is empty or already taken
  PopulationIndex add(Population population);
  /// @throws ValueError  no such source or target, weights of another shape or not finite, a gain that follows a
  ///                     population of another size than the source
  ProjectionIndex add(Projection projection);

  [[nodiscard]] const std::vector<Population>& populations() const noexcept { return populations_; }
  [[nodiscard]] const std::vector<Projection>& projections() const noexcept { return projections_; }
  /// @throws ValueError naming the populations
  [[nodiscard]] PopulationIndex population(std::string_view name) const;
  /// Nothing but linear transmissions and gains that no population drives: the right-hand side is affine in x.
  [[nodiscard]] bool is_linear() const;

 private:
  std::vector<Population> populations_;
  std::vector<Projection> projections_;
};

}  // namespace dynvert
