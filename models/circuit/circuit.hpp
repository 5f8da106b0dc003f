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
/// | sigma_i |                 | size of white noise, >= 0                          | sqrt(time)      |
/// | C_ij    | n_i x n_j       | weights of the projection, or a number: c I        | 1               |
/// | f_ij    |                 | what is transmitted: x_j, g_j(x_j), or gain .* x_j | 1               |
/// | input_i | n_i x columns   | external input                                     | 1               |
///
/// With white noise of size sigma_i, tau_i dx_i = (..) dt + sigma_i dW, W a Wiener process of each unit: alone, such a
/// population has the stationary variance sigma^2 / (2 tau leak).
///
/// Three things beside this equation: a population may be *clamped* (dx_i/dt = 0: a stimulus or a target, set from
/// outside), it may be *algebraic*, a sum of what arrives or a function of other populations at the same time,
///
///     x_i = sum over projections j->i of C_ij f_ij(x_j) + input_i(t),      or      x_i = y(x_j, x_k, ..),
///
/// and a projection may be *plastic*, so that its weights are variables of the same system, which all columns share:
///
///     tau dC/dt = rate sum over products and columns (sum over terms c f(x_post)) f(x_pre)' - decay C
///
/// A product may be of a low-pass of each synapse in place of f(x_pre): a population of the size of C, column-major.
///
/// Algebraic populations are evaluated in the order in which they were added, each from those before it. A clamped
/// population may *stand for* another: for its value a step of the solver before, or, where algebraic populations
/// depend on each other in a circle y = F(x, y), for the same value. Then z in y = F(x, z) is found by Newton's method
/// from the last solution, z = y, and derivatives are those of the implicit function, dy/dx = (1 - dF/dz)^-1 dF/dx.
///
/// This is the description, a plain value. RightHandSide (right_hand_side.hpp) evaluates it.

#include <dynvert/models/circuit/state.hpp>

#include <armadillo>

#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dynvert {

using PopulationIndex = std::size_t;
using ProjectionIndex = std::size_t;

/// What a population is for. Files carry it, and whoever reads one goes by it, never by the population's name.
enum class Role {
  input,       ///< the stimulus
  target,      ///< what the output should be
  forward,     ///< activity of a layer
  error,       ///< error population of a layer: its state is a credit signal, or is on the way to one
  controller,  ///< drives the error populations until they account for the error
  auxiliary    ///< anything else
};
/// "input", "target", .., in the order of the enumeration
[[nodiscard]] std::span<const std::string_view> role_names();

/// A function of populations, evaluated column by column: y = y(x_1, x_2, ..).
struct Signal {
  std::vector<PopulationIndex> arguments{};
  /// Fills y. @param x  the arguments, in their order, with the columns of y
  std::function<void(std::span<const ConstMatrixView> x, const MatrixView& y)> value = nullptr;
  /// dy/dx_k of one column, units x units of x_k. @param x  the arguments, one column each, @param units  of y
  /// @throws ValueError  a function without a slope
  std::function<arma::mat(std::span<const ConstMatrixView> x, std::size_t k, std::size_t units)> derivative = nullptr;
  bool linear = false;  ///< y is linear in x, up to a constant
};

/// What a clamped population stands for: another one a step of the solver before, or, where algebraic ones depend on
/// each other in a circle, at the same time.
struct StandsFor {
  PopulationIndex population = 0;
  bool same_time = false;
};

struct Population {
  std::string name;       ///< "delta_1", "u_2"
  std::size_t units = 0;  ///< n
  double tau = 1;         ///< time constant
  double leak = 1;
  std::string rate = "linear";  ///< g, a name of rate_function.hpp
  double noise = 0;             ///< sigma, of a population that moves; units of x times the root of a time
  bool clamped = false;         ///< does not move: whoever runs the circuit sets its state
  bool algebraic = false;       ///< has no tau and no leak: is what arrives, or its signal
  Role role = Role::auxiliary;
  std::optional<std::size_t> layer = std::nullopt;     ///< of the network whose units these are
  std::optional<std::size_t> loop = std::nullopt;      ///< number of the control loop that it is part of
  std::optional<Signal> signal = std::nullopt;         ///< of an algebraic population to which nothing projects
  std::optional<StandsFor> stands_for = std::nullopt;  ///< of a clamped one

  /// Has a differential equation.
  [[nodiscard]] bool moves() const noexcept { return !clamped && !algebraic; }
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

/// What a population contributes to a plastic weight: coefficient times x, g(x), or x times the slope of another.
struct Factor {
  PopulationIndex population = 0;
  Transmit transmits = Transmit::state;
  std::optional<GainFollows> follows = std::nullopt;  ///< required by Transmit::gain
  double coefficient = 1;
};

/// (sum of post) pre', summed over the columns.
struct PlasticProduct {
  std::vector<Factor> post{};  ///< of the rows of C
  Factor pre{};                ///< of its columns, with a coefficient of its own
  /// (sum of post) .* E in place of it: a population of rows times columns units, the columns of E one below the other
  std::optional<PopulationIndex> synapses = std::nullopt;
};

/// Where weights C that move are used.
struct WeightUse {
  ProjectionIndex projection = 0;
  bool transposed = false;  ///< the weights of this projection are C'
};

/// Weights C that move while the circuit runs. They follow the populations in the state, column-major.
struct Plasticity {
  std::vector<WeightUse> uses{};  ///< at least one; the first gives C its name
  double tau = 1;                 ///< time constant, > 0
  double rate = 0;                ///< eta
  double decay = 0;               ///< lambda
  std::vector<PlasticProduct> products{};
  /// within which a scheme of fixed steps clips them after each step
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();

  [[nodiscard]] bool is_bounded() const noexcept { return std::isfinite(low) || std::isfinite(high); }
};

class Circuit {
 public:
  /// @throws ValueError  no units, tau not positive and finite, leak or noise negative or not finite, noise of a
  ///                     population that does not move, an unknown rate function, a name that is empty or already
  ///                     taken, a signal of a population that is not algebraic, or of populations that do not come
  ///                     before it
  PopulationIndex add(Population population);
  /// @throws ValueError  no such source or target, weights of another shape or not finite, a gain that follows a
  ///                     population of another size than the source, a target that is clamped or a signal, or an
  ///                     algebraic one before its algebraic source
  ProjectionIndex add(Projection projection);
  /// @throws ValueError  a projection that is one-to-one or plastic already, tau not positive, factors or further uses
  ///                     of another size
  void add(Plasticity plasticity);

  /// The rate function of a population. @throws ValueError  an unknown one
  void set_rate(PopulationIndex population, std::string_view rate);
  /// The number of the control loop that it is part of.
  void set_loop(PopulationIndex population, std::size_t loop) { populations_[population].loop = loop; }

  [[nodiscard]] const std::vector<Population>& populations() const noexcept { return populations_; }
  [[nodiscard]] const std::vector<Projection>& projections() const noexcept { return projections_; }
  [[nodiscard]] const std::vector<Plasticity>& plasticity() const noexcept { return plasticity_; }
  /// The populations of the rows and of the columns of weights that move.
  [[nodiscard]] PopulationIndex rows_of(const Plasticity& plasticity) const;
  [[nodiscard]] PopulationIndex columns_of(const Plasticity& plasticity) const;
  /// @throws ValueError naming the populations
  [[nodiscard]] PopulationIndex population(std::string_view name) const;
  /// A clamped population stands for another from now on. @throws ValueError  it is not clamped, or of another size
  void set_stands_for(PopulationIndex population, StandsFor other);
  /// Some population stands for another: of the step before, or of the same time.
  [[nodiscard]] bool looks_back() const;
  [[nodiscard]] bool has_circles() const;
  /// Nothing but linear transmissions and signals, gains that no population drives and fixed weights: the right-hand
  /// side is affine in x.
  [[nodiscard]] bool is_linear() const;
  [[nodiscard]] bool has_algebraic() const;
  /// of some population
  [[nodiscard]] bool has_noise() const;
  /// Empties the weight matrices: for evaluators, which keep them in a layout of their own.
  void drop_weights();
  /// The same circuit with all weights fixed.
  [[nodiscard]] Circuit without_plasticity() const;

 private:
  std::vector<Population> populations_;
  std::vector<Projection> projections_;
  std::vector<Plasticity> plasticity_;
};

}  // namespace dynvert
