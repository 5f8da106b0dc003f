#include <dynvert/analysis/stable_step.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace dynvert {

namespace {

using Complex = std::complex<double>;

/// Bisects between a stable and an unstable step, to rounding.
template <typename Stable>
double boundary(double stable, double unstable, const Stable& is_stable) {
  while (true) {
    const double middle = stable + (unstable - stable) / 2;
    if (middle <= stable || middle >= unstable) return stable;
    (is_stable(middle) ? stable : unstable) = middle;
  }
}

/// Whether one step of size h makes every mode of the cycle smaller. Written in terms of what is lost in a step rather
/// than of what is kept: leaks of 1e-12 count.
class SequentialStep {
 public:
  explicit SequentialStep(const CycleModes& modes)
      : modes_(modes), newest_(static_cast<std::size_t>(std::ranges::count(modes.newest, true))) {}

  [[nodiscard]] bool is_stable(double h) const {
    for (std::size_t i = 0; i < modes_.tau.size(); ++i) {
      if (modes_.rest[i] > 0 && !(lost(i, h) > 0 && lost(i, h) < 2)) return false;
    }
    return modes_.tau.size() == 2 ? two(h) : any(h);
  }

 private:
  [[nodiscard]] double lost(std::size_t i, double h) const { return h * modes_.leak[i] / modes_.tau[i]; }

  [[nodiscard]] bool two(double h) const {
    const double x = lost(0, h);
    const double y = lost(1, h);
    const double gain = h * h / (modes_.tau[0] * modes_.tau[1]);
    const double below = x + y - x * y;      // 1 - c
    const double above = 2 - x - y + x * y;  // 1 + c
    if (!(below > 0) || !(above > 0)) return false;
    return std::ranges::all_of(modes_.mu, [&](Complex mu) {
      // (1 - r)(1 + r) > i^2 for r = -Re b / (1 + c)
      const double less = (x * y - gain * mu.real()) / above;
      return less * (2 - less) > std::pow(gain * mu.imag() / below, 2);
    });
  }

  [[nodiscard]] bool any(double h) const {
    const std::size_t k = modes_.tau.size();
    std::vector<Complex> polynomial{1.0};  // by power of z
    double gain = 1;
    for (std::size_t i = 0; i < k; ++i) {
      polynomial.insert(polynomial.begin(), 0.0);
      for (std::size_t j = 0; j + 1 < polynomial.size(); ++j) polynomial[j] += (lost(i, h) - 1) * polynomial[j + 1];
      gain *= h / modes_.tau[i];
    }
    return std::ranges::all_of(modes_.mu, [&](Complex mu) {
      std::vector<Complex> p = polynomial;
      p[newest_] -= mu * gain;
      return all_within_unit_circle(std::move(p));
    });
  }

  /// Whether all roots have |z| < 1: Schur and Cohn's recursion. @param p  coefficients by power
  [[nodiscard]] static bool all_within_unit_circle(std::vector<Complex> p) {
    while (p.size() > 1) {
      const Complex first = p.front();
      const Complex last = p.back();
      if (!(std::norm(first) < std::norm(last))) return false;
      // (conj(last) p(z) - first conj(p)(1/z) z^n) / z has one root less, and all within the circle where p has
      std::vector<Complex> next;
      for (std::size_t j = 1; j < p.size(); ++j) {
        next.push_back(std::conj(last) * p[j] - first * std::conj(p[p.size() - 1 - j]));
      }
      p = std::move(next);
    }
    return true;
  }

  const CycleModes& modes_;
  std::size_t newest_;
};

}  // namespace

bool decays(const arma::cx_vec& lambda) { return !lambda.is_empty() && arma::real(lambda).max() < 0; }

double growth(const StabilityFunction& change, Complex z) {
  const Complex by = change(z);
  return 2 * by.real() + std::norm(by);
}

double largest_stable_step(const StabilityFunction& change, double reach, const arma::cx_vec& lambda) {
  if (!decays(lambda)) return arma::datum::nan;
  double h = arma::datum::inf;
  for (const Complex l : lambda) {
    const auto is_stable = [&](double step) { return growth(change, step * l) < 0; };
    // an eigenvalue that the step so far takes in does not restrict it
    const double outside = reach / std::abs(l);
    if (h < outside && is_stable(h)) continue;
    h = boundary(0, std::min(h, outside), is_stable);
  }
  return h;
}

double largest_stable_step_one_by_one(const CycleModes& modes) {
  const arma::cx_vec lambda = spectrum(modes);
  if (!decays(lambda)) return arma::datum::nan;
  const SequentialStep step(modes);
  const double stride = 1 / (64 * arma::abs(lambda).max());
  for (std::size_t k = 1;; ++k) {
    const double h = static_cast<double>(k) * stride;
    if (step.is_stable(h)) continue;
    return boundary(static_cast<double>(k - 1) * stride, h, [&](double s) { return step.is_stable(s); });
  }
}

// Until the measures ask the solvers for their limits.

double largest_stable_step_euler(const arma::cx_vec& lambda) {
  if (!decays(lambda)) return arma::datum::nan;
  double h = arma::datum::inf;
  for (const Complex l : lambda) h = std::min(h, -2 * l.real() / std::norm(l));
  return h;
}

double largest_stable_step_rk4(const arma::cx_vec& lambda) {
  return largest_stable_step([](Complex z) { return z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0))); }, 3,
                             lambda);
}

double largest_stable_step_sequential_euler(const CycleModes& modes) { return largest_stable_step_one_by_one(modes); }

}  // namespace dynvert
