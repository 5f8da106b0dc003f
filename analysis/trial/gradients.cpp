// How close the changes of weights are to gradient descent, and to the Gauss-Newton step of minimum norm.

#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/trial/measures.hpp>

namespace dynvert {

namespace {

/// The trial may change nothing, or fail to have what it is compared with.
double angle_or_nan(const arma::mat& change, const arma::mat& reference) {
  return change.is_empty() || reference.is_empty() ? arma::datum::nan : angle_degrees(change, reference);
}

}  // namespace

TrialMeasure angle_gradient_measure() {
  return {
      .name = "angle_gradient",
      .label = "angle to gradient descent",
      .units = "degree",
      .description = "angle between the trial's change of the matrix and minus the exact gradient of the loss",
      .of = TrialMeasure::Of::matrix,
      .value = [](const TrialView& trial, std::size_t m) { return angle_or_nan(trial.change(m), -trial.gradient(m)); }};
}

TrialMeasure ratio_gradient_measure() {
  return {.name = "ratio_gradient",
          .label = "length against gradient descent",
          .units = "1",
          .description = "|change of the matrix| / (learning.rate |exact gradient of the loss|)",
          .of = TrialMeasure::Of::matrix,
          .value = [](const TrialView& trial, std::size_t m) {
            const arma::mat& change = trial.change(m);
            const arma::mat& gradient = trial.gradient(m);
            if (change.is_empty() || gradient.is_empty()) return arma::datum::nan;
            // nothing to compare with where the loss does not depend on the matrix
            const double reference = trial.eta() * arma::norm(gradient, "fro");
            return reference > 0 ? arma::norm(change, "fro") / reference : arma::datum::nan;
          }};
}

TrialMeasure angle_gauss_newton_measure() {
  return {.name = "angle_gauss_newton",
          .label = "angle to Gauss-Newton of minimum norm",
          .units = "degree",
          .description = "angle between the trial's change of the matrix and the Gauss-Newton step of minimum norm",
          .of = TrialMeasure::Of::matrix,
          .needs_network = true,
          .value = [](const TrialView& trial, std::size_t m) {
            return angle_or_nan(trial.change(m), trial.gauss_newton(m));
          }};
}

}  // namespace dynvert
