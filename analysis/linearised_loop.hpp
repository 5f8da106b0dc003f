#pragma once

/// A control loop at an operating point: what its measures of stability are functions of. The reduced form and the
/// spectrum are computed when first asked for, and once.

#include <dynvert/analysis/cycle.hpp>
#include <dynvert/models/credit/credit.hpp>

#include <armadillo>

#include <cstddef>
#include <optional>

namespace dynvert {

class LinearisedLoop {
 public:
  /// A loop of a circuit, and the state of f's layout around which it is linearised, of the first column.
  struct Place {
    RightHandSide* f;
    const State* x;
    const ControlLoop* loop;
  };

  /// @param place     outlives this
  /// @param abscissa  the spectral abscissa, where it is known already
  explicit LinearisedLoop(const Place& place, std::optional<double> abscissa = std::nullopt)
      : place_(place), abscissa_(abscissa) {}
  /// By its reduced form alone. @param controller  its number in the cycle
  LinearisedLoop(CycleModes modes, std::size_t controller)
      : reduced_(true), modes_(std::move(modes)), controller_(controller) {}

  /// @return nothing where the loop is given by its reduced form alone
  [[nodiscard]] const std::optional<Place>& place() const { return place_; }
  /// @return nothing where the loop is no cycle
  [[nodiscard]] const std::optional<CycleModes>& modes() const;
  /// the controller's number in the cycle, of a loop that is one
  [[nodiscard]] std::size_t controller() const;
  /// all eigenvalues, 1/time. @throws NumericalError  weights that are not finite, or no convergence
  [[nodiscard]] const arma::cx_vec& spectrum() const;
  /// largest real part of the spectrum, 1/time
  [[nodiscard]] double abscissa() const;

 private:
  std::optional<Place> place_ = std::nullopt;
  mutable bool reduced_ = false;  // modes_ says whether there is a reduced form
  mutable std::optional<CycleModes> modes_ = std::nullopt;
  mutable std::size_t controller_ = 0;
  mutable std::optional<arma::cx_vec> spectrum_ = std::nullopt;
  mutable std::optional<double> abscissa_ = std::nullopt;
};

}  // namespace dynvert
