#pragma once

/// Rules at the end of a trial, ready to change a network:
///
///     raw_M = sum over terms coefficient/eta * post pre'        summed over the columns of the batch
///     M    := (1 - decay) M + eta step(raw_M),  then clipped to its bounds
///
/// step clips, normalises and smooths, in this order:
///
/// | key               | does                                                                                  |
/// |-------------------|---------------------------------------------------------------------------------------|
/// | clip_delta c      | post := post min(1, c / |post|), each column                                          |
/// | clip c            | raw := raw min(1, c / |raw|), Frobenius norm                                          |
/// | normalise_updates | raw := raw / |raw|                                                                    |
/// | momentum m        | v := m v + raw, step v (Polyak 1964)                                                  |
/// | adam              | m := b1 m + (1 - b1) raw, v := b2 v + (1 - b2) raw^2, step m^ / (sqrt(v^) + epsilon), |
/// |                   | m^ = m / (1 - b1^k), v^ = v / (1 - b2^k) (Kingma & Ba 2015)                           |
///
/// | symbol      | shape              | meaning                                                             |
/// |-------------|--------------------|---------------------------------------------------------------------|
/// | post        | rows x batch       | at the end of a phase                                               |
/// | pre         | columns x batch    | likewise; of a bias 1                                               |
/// | avg(..)     | rows x columns     | of post pre' over phases, summed over the batch                     |
/// | v, m        | rows x columns     | what the optimiser remembers: Network::memory                       |
///
/// A coefficient without eta is taken as it is: eta counts as 1.

#include <dynvert/models/program/sum_program.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// The sum over columns of factor .* E. @param E  rows * columns x batch: the columns of each E one below the other
[[nodiscard]] arma::mat sum_of_low_passes(const arma::mat& factor, const arma::mat& E);

class RuleProgram {
 public:
  enum class Optimiser { sgd, momentum, adam };

  /// @param rule  of the description of the plan, at the end of a trial
  /// @param first_memory  where in Network::memory its matrices are
  /// @throws EquationError  what cannot be run
  RuleProgram(const CircuitPlan& plan, const equations::Rule& rule, std::size_t first_memory);

  /// Its change of the matrix, before decay. @param memory  moves
  [[nodiscard]] arma::mat change(const PopulationValues& values, std::vector<arma::mat>& memory) const;
  /// M := (1 - decay) M + change, within bounds
  void apply(const arma::mat& change, Network& network) const;

  /// its number in the description
  [[nodiscard]] std::size_t matrix() const noexcept { return matrix_; }
  [[nodiscard]] MatrixPlace place() const noexcept { return place_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Trial 0 changes nothing.
  [[nodiscard]] bool skips_first() const noexcept { return skip_first_; }
  /// Numbers and names of what the optimiser remembers: "momentum", "adam_m", "adam_v", "adam_k".
  struct Memory {
    std::string name;
    std::size_t rows = 0, columns = 0;
  };
  [[nodiscard]] std::vector<Memory> memory() const;
  /// A product of which the rule takes the average over phases.
  struct Average {
    SignalValue post, pre;                                  ///< of a low-pass its factor, and nothing
    std::optional<std::size_t> low_pass;                    ///< the population
    std::size_t rows = 0, columns = 0;                      ///< of post and of pre
    std::vector<std::string> phases;                        ///< empty: all
    std::vector<std::size_t> populations, pre_populations;  ///< that post and pre name, and pre alone
  };
  [[nodiscard]] const std::vector<Average>& averages() const noexcept { return averages_; }
  /// where in PopulationValues::averages its averages are
  void set_first_average(std::size_t first) noexcept { first_average_ = first; }

 private:
  struct Compiled {
    double coefficient = 1;
    std::string phase;                    // empty: the last
    std::optional<std::size_t> average;   // in averages_
    std::optional<std::size_t> low_pass;  // the population; post is its factor
    SignalValue post, pre;
  };
  [[nodiscard]] arma::mat step(arma::mat raw, std::vector<arma::mat>& memory) const;

  std::string name_;
  std::size_t matrix_ = 0;
  MatrixPlace place_;
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<Compiled> terms_;
  std::vector<Average> averages_;
  std::size_t first_average_ = 0, first_memory_ = 0;
  double eta_ = 1, decay_ = 0;
  Optimiser optimiser_ = Optimiser::sgd;
  double momentum_ = 0, beta_1_ = 0, beta_2_ = 0, epsilon_ = 0;
  double clip_ = 0, clip_delta_ = 0;
  bool normalise_ = false, skip_first_ = false;
  double low_ = -std::numeric_limits<double>::infinity(), high_ = std::numeric_limits<double>::infinity();
};

}  // namespace dynvert
