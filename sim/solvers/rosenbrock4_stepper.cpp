#include <dynvert/sim/solvers/rosenbrock4_stepper.hpp>

#include <boost/numeric/odeint/stepper/rosenbrock4.hpp>
#include <boost/numeric/odeint/stepper/rosenbrock4_controller.hpp>
#include <boost/numeric/odeint/stepper/rosenbrock4_dense_output.hpp>
#include <boost/numeric/ublas/matrix.hpp>
#include <boost/numeric/ublas/vector.hpp>

#include <algorithm>
#include <utility>

namespace dynvert {

namespace odeint = boost::numeric::odeint;
namespace ublas = boost::numeric::ublas;

namespace {

using Vector = ublas::vector<double>;

/// The coefficients of RODAS (Hairer & Wanner, Solving Ordinary Differential Equations II, 1996, section IV.7). odeint
/// has d_4, which weighs the derivative by time in the fourth stage, with the wrong sign: with an input that depends on
/// time its method is of order 1.
struct Coefficients : odeint::default_rosenbrock_coefficients<double> {
  const double d4 = -0.3620000000000023e-01;
};
using Controller = odeint::rosenbrock4_controller<odeint::rosenbrock4<double, Coefficients>>;

std::vector<double> to_std(const Vector& x) { return {x.begin(), x.end()}; }

}  // namespace

struct Rosenbrock4Stepper::Implementation {
  std::size_t n;
  Slope slope;
  Jacobian jacobian;
  odeint::rosenbrock4_dense_output<Controller> stepper;
  std::vector<double> columns;
};

Rosenbrock4Stepper::Rosenbrock4Stepper(std::size_t n, double atol, double rtol, Slope slope, Jacobian jacobian)
    : implementation_(new Implementation{n, std::move(slope), std::move(jacobian),
                                         odeint::rosenbrock4_dense_output<Controller>(Controller(atol, rtol)),
                                         std::vector<double>(n * n)}) {}

Rosenbrock4Stepper::~Rosenbrock4Stepper() = default;

void Rosenbrock4Stepper::start(const std::vector<double>& x, double t, double dt) {
  Vector v(x.size());
  std::copy(x.begin(), x.end(), v.begin());
  implementation_->stepper.initialize(v, t, dt);
}

void Rosenbrock4Stepper::step() {
  Implementation& self = *implementation_;
  const auto slope = [&self](const Vector& x, Vector& dxdt, double t) { self.slope(&x[0], t, &dxdt[0]); };
  const auto jacobian = [&self](const Vector& x, ublas::matrix<double>& J, double t, Vector& dfdt) {
    self.jacobian(&x[0], t, self.columns.data(), &dfdt[0]);
    for (std::size_t j = 0; j < self.n; ++j) {
      for (std::size_t i = 0; i < self.n; ++i) J(i, j) = self.columns[j * self.n + i];
    }
  };
  self.stepper.do_step(std::make_pair(slope, jacobian));
}

std::vector<double> Rosenbrock4Stepper::current_state() const {
  return to_std(implementation_->stepper.current_state());
}
std::vector<double> Rosenbrock4Stepper::previous_state() const {
  return to_std(implementation_->stepper.previous_state());
}
double Rosenbrock4Stepper::current_time() const { return implementation_->stepper.current_time(); }
double Rosenbrock4Stepper::current_time_step() const { return implementation_->stepper.current_time_step(); }

void Rosenbrock4Stepper::calc_state(double t, std::vector<double>& x) const {
  Vector v(implementation_->n);
  implementation_->stepper.calc_state(t, v);
  std::copy(v.begin(), v.end(), x.begin());
}

}  // namespace dynvert
