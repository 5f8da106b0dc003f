// Several steps at a time of a reduced linear loop of two populations, by a recurrence of two terms.

#include <dynvert/models/circuit/product.hpp>
#include <dynvert/sim/solvers/reduced_loop.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

namespace dynvert {

namespace {

/// The same circuit where all populations have one unit and M is a number.
Circuit of_one_unit(const Circuit& reduced) {
  Circuit one;
  for (Population p : reduced.populations()) {
    p.units = 1;
    one.add(p);
  }
  for (Projection p : reduced.projections()) {
    if (std::holds_alternative<arma::mat>(p.weights)) p.weights = arma::mat(1, 1);
    one.add(p);
  }
  return one;
}

/// e += f, X += e. @return whether any X is beyond the limit, or no number. In one pass, and so that it vectorises: of
/// small loops this is a quarter of the work.
bool move_on(const double* __restrict f, double* __restrict e, double* __restrict X, std::size_t size, double limit) {
  std::int64_t beyond = 0;  // as wide as a double
  for (std::size_t i = 0; i < size; ++i) {
    e[i] += f[i];
    X[i] += e[i];
    beyond |= std::abs(X[i]) <= limit ? 0 : 1;
  }
  return beyond != 0;
}

}  // namespace

/// What stride() works in.
struct ReducedLoop::Strides {
  explicit Strides(const Circuit& reduced) : one(of_one_unit(reduced), 2), kernel(kernels().affine) {}

  /// out = P B + input + keep out, of P and n x columns B, padded as in a state; input may be none
  void combine(const State& B, std::size_t n, std::size_t columns, const State* input, double keep, State& out) {
    const std::size_t rows = padded(n);
    if (is_for_blas(n, n, columns)) {
      multiply({P.data(), n, n, rows}, {B.data(), n, columns, rows}, {out.data(), n, columns, rows}, keep);
      if (input == nullptr) return;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += (*input)[i];
      return;
    }
    zeros.resize(std::max(zeros.size(), rows * columns));
    ones.resize(std::max(ones.size(), columns), 1.0);
    const AffineTerm term{.weights = P.data(), .inputs = n, .source = B.data(), .source_stride = rows};
    const AffineUpdate sum{.terms = &term,
                           .term_count = 1,
                           .units = n,
                           .stride = rows,
                           .columns = columns,
                           .input = input != nullptr ? input->data() : zeros.data(),
                           .state = out.data(),
                           .out = out.data(),
                           .keep = keep,
                           .rate = ones.data(),
                           .leak = zeros.data()};
    kernel(&sum, 1, 1);
  }

  RightHandSide one;
  AffineKernel kernel;
  State P, product;
  State X, e, f, brought;  // X(k m), e_k, f_k, sigma^k rho: x_0 of all columns, then z_1
  State before, change, unit;
  State zeros, ones;
};

bool ReducedLoop::can_stride(std::size_t steps) const {
  return linear() && members() == 2 && steps >= 4 * steps_between_checks;
}

ReducedLoop::StrideCost ReducedLoop::stride_cost(std::size_t steps, std::size_t columns, double of_step) const {
  const auto n = static_cast<double>(units_);
  const auto as_real = [](std::size_t count) { return static_cast<double>(count); };
  // two columns at once take what one takes
  const double of_stride = columns == 1 ? of_step : 2 * as_real(columns);
  StrideCost best;
  std::size_t products = 1;
  for (std::size_t m = 2; m <= steps_between_checks; m *= 2, ++products) {
    const double plain = as_real((2 + q_.size()) * m + steps % m);
    const double cost =
        n * n * (as_real(products) * n + of_step * as_real(columns) * plain + of_stride * as_real(steps / m));
    if (m == 2 || cost < best.multiplications) best = {cost, m};
  }
  return best;
}

std::size_t ReducedLoop::stride_values(std::size_t columns) const {
  const std::size_t n = padded(units_);
  return 2 * n * units_ + 8 * n * columns + 2 * columns * (core_.size() + q_.size()) * n;
}

/// P_m, and d^m, of m = length steps.
double ReducedLoop::find_recurrence(std::size_t length, const Stepper& step) {
  Strides& s = *strides_;
  for (PopulationIndex p = 0; p < circuit_.populations().size(); ++p) {
    std::ranges::fill(s.one.tau(p), f_->tau(p, 0));
    std::ranges::fill(s.one.leak(p), f_->leak(p, 0));
  }
  // one step of (1, 0) and of (0, 1)
  const auto matrix = [&](double mu) {
    s.one.set_weights(around_, mu * arma::ones(1, 1));
    s.unit.assign(s.one.layout().size(), 0.0);
    const auto core = [&](std::size_t i) { return s.one.layout().view(std::span<double>(s.unit), core_[i]); };
    core(0)(0, 0) = core(1)(0, 1) = 1;
    step(s.one, s.unit, 1);
    return arma::mat22{{core(0)(0, 0), core(0)(0, 1)}, {core(1)(0, 0), core(1)(0, 1)}};
  };
  const arma::mat22 A = matrix(0);
  double d = arma::det(A);
  // P_1 = p_0 + c_1 mu; with a large mu, so that c_1 loses no digits
  constexpr double large = 0x1p100;
  const double p_0 = -arma::det(arma::mat22(arma::eye(2, 2) - A));
  const double c_1 = (arma::trace(matrix(large)) - arma::trace(A)) / large;

  const std::size_t rows = padded(units_);
  const ConstMatrixView M = std::as_const(*f_).weights_view(around_);
  s.P.assign(rows * units_, 0.0);
  for (std::size_t j = 0; j < units_; ++j) {
    for (std::size_t i = 0; i < units_; ++i) s.P[j * rows + i] = c_1 * M(i, j);
    s.P[j * rows + j] += p_0;
  }
  for (std::size_t m = 1; m < length; m *= 2) {
    s.product = s.P;
    s.combine(s.P, units_, units_, nullptr, 2 * (1 + d), s.product);
    s.P.swap(s.product);
    d *= d;
  }
  return d;
}

std::optional<State> ReducedLoop::stride(std::size_t steps, std::size_t length, const Stepper& step, double limit) {
  if (!strides_) strides_ = std::make_shared<Strides>(circuit_);
  Strides& s = *strides_;
  const double d = find_recurrence(length, step);
  const Layout& layout = f_->layout();
  const std::size_t columns = layout.columns();
  const std::size_t block = padded(units_) * columns;
  const bool driven = !q_.empty();

  State z(layout.size());
  std::size_t done = 0;
  const auto is_looked_at = [&] { return done % steps_between_checks == 0; };
  // a stride step by step: e and f
  s.e.assign(2 * block, 0.0);
  s.f.resize(2 * block);
  const auto walk = [&] {
    s.before = z;
    step(*f_, z, length);
    done += length;
    s.change.resize(z.size());
    for (std::size_t i = 0; i < z.size(); ++i) s.change[i] = z[i] - s.before[i];
    for (std::size_t i = 0; i < 2; ++i) {
      const double* moved = s.change.data() + layout.offset(core_[i]);
      for (std::size_t n = i * block; n < (i + 1) * block; ++n) {
        s.f[n] = moved[n - i * block] - s.e[n];
        s.e[n] += s.f[n];
      }
    }
    return !is_looked_at() || !any_out_of_range(z, limit);
  };
  if (!walk() || !walk()) return std::nullopt;
  double sigma = 0;
  if (driven) {
    const auto y = [&] { return s.change[layout.offset(y_[0])]; };
    const double first = y();
    s.brought = s.f;
    s.combine(s.e, units_, 2 * columns, nullptr, d, s.brought);
    if (!walk()) return std::nullopt;
    sigma = first == 0 ? 0 : y() / first;
    for (std::size_t i = 0; i < s.brought.size(); ++i) s.brought[i] = sigma * (s.f[i] - s.brought[i]);
  }

  s.X.resize(2 * block);
  for (std::size_t i = 0; i < 2; ++i) std::copy_n(z.data() + layout.offset(core_[i]), block, s.X.data() + i * block);
  while (done + length <= steps) {
    s.combine(s.e, units_, 2 * columns, driven ? &s.brought : nullptr, d, s.f);
    done += length;
    bool out = move_on(s.f.data(), s.e.data(), s.X.data(), s.X.size(), limit);
    if (driven) {
      for (double& value : s.brought) value *= sigma;
      for (const PopulationIndex p : {q_[0], y_[0]}) {
        const std::span<double> values(z.data() + layout.offset(p), layout.stride(p) * columns);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] += s.change[layout.offset(p) + i] *= sigma;
        out |= any_out_of_range(values, limit);
      }
    }
    if (out && is_looked_at()) return std::nullopt;
  }
  for (std::size_t i = 0; i < 2; ++i) std::copy_n(s.X.data() + i * block, block, z.data() + layout.offset(core_[i]));
  step(*f_, z, steps - done);
  if (any_out_of_range(z, limit)) return std::nullopt;
  return z;
}

}  // namespace dynvert
