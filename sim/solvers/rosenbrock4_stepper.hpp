#pragma once

/// odeint's rosenbrock4 with dense output, behind plain arrays. It is built on uBLAS, which in Boost 1.74 does not
/// compile as C++20 (std::allocator::construct is gone): its source file alone is C++17, and so is this header.

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace dynvert {

class Rosenbrock4Stepper {
 public:
  using Slope = std::function<void(const double* x, double t, double* dxdt)>;
  /// J is n x n, column-major; dfdt the partial derivative by time
  using Jacobian = std::function<void(const double* x, double t, double* J, double* dfdt)>;

  Rosenbrock4Stepper(std::size_t n, double atol, double rtol, Slope slope, Jacobian jacobian);
  ~Rosenbrock4Stepper();
  Rosenbrock4Stepper(const Rosenbrock4Stepper&) = delete;
  Rosenbrock4Stepper& operator=(const Rosenbrock4Stepper&) = delete;

  void start(const std::vector<double>& x, double t, double dt);
  void step();
  [[nodiscard]] std::vector<double> current_state() const;
  [[nodiscard]] std::vector<double> previous_state() const;
  [[nodiscard]] double current_time() const;
  [[nodiscard]] double current_time_step() const;
  /// the state at a time within the last step
  void calc_state(double t, std::vector<double>& x) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace dynvert
