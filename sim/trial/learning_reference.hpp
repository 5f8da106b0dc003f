#pragma once

/// What the changes of a model's matrices are compared with: which matrices learn, the exact gradient of the loss by
/// them, and the Gauss-Newton step of minimum norm. The loss is that of evaluations: of the network's own forward pass,
/// or of the readout of a circuit file that has one.

#include <dynvert/analysis/circuit_gradient.hpp>
#include <dynvert/models/network/network.hpp>
#include <dynvert/sim/config/config.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace dynvert {

class LearningReference {
 public:
  /// @throws EquationError, ValueError  a circuit whose gradient is not known
  LearningReference(const Config& config, const ModelConfig& model);

  struct Matrix {
    std::string name;  ///< "W2", "b2", "Q_1"
    MatrixPlace place;
    std::size_t number = 0;  ///< in the description of a circuit
  };
  /// in the order in which they learn
  [[nodiscard]] const std::vector<Matrix>& matrices() const noexcept { return matrices_; }
  /// The loss is that of the network's own forward pass.
  [[nodiscard]] bool is_of_network() const noexcept { return gradient_ == nullptr; }

  /// dE/dM by matrix. @param activity  of the trial: of the network's own pass, or with the stimulus x that it showed
  /// @param moves  the forward pass is a stage, or part of one
  [[nodiscard]] std::vector<arma::mat> gradient(const Network& network, const Activity& activity, bool moves) const;
  [[nodiscard]] std::vector<arma::mat> gauss_newton(const Network& network, const Activity& activity, bool moves) const;

 private:
  [[nodiscard]] std::vector<arma::mat> outer_products(const Credit& d, const Activity& activity, double sign) const;

  std::vector<Matrix> matrices_;
  std::unique_ptr<CircuitGradient> gradient_;
  std::string readout_phase_;
};

}  // namespace dynvert
