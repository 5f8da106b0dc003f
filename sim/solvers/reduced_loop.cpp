#include <dynvert/models/circuit/product.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/solvers/reduced_loop.hpp>

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <variant>

namespace dynvert {

namespace {

/// sqrt(n) |T|_F >= the largest sum of a row's magnitudes, for one pass at the speed of memory.
double growth_of(const ConstMatrixView& T) {
  double squares = 0;
  for (std::size_t c = 0; c < T.columns; ++c) {
    const double* column = T.column(c).data();
    squares += cblas_ddot(static_cast<int>(T.units), column, 1, column, 1);
  }
  return std::sqrt(static_cast<double>(T.columns) * squares);
}

}  // namespace

std::optional<ReducedLoop> ReducedLoop::of(const Circuit& circuit, PopulationIndex driven) {
  std::vector<PopulationIndex> all(circuit.populations().size());
  std::iota(all.begin(), all.end(), PopulationIndex{0});
  const auto cycle = as_cycle(circuit, all);
  if (!cycle || !circuit.plasticity().empty()) return std::nullopt;
  const std::size_t k = cycle->populations.size();
  const auto projection = [&](std::size_t i) -> const Projection& {
    return circuit.projections()[cycle->projections[i]];
  };
  for (std::size_t i = 0; i < k; ++i) {
    if (std::holds_alternative<double>(projection(i).weights)) return std::nullopt;
    if (i != 1 && projection(i).transmits != Transmit::state) return std::nullopt;
  }
  if (projection(1).follows) return std::nullopt;

  ReducedLoop loop;
  loop.cycle_ = *cycle;
  loop.d_ = static_cast<std::size_t>(std::ranges::find(cycle->populations, driven) - cycle->populations.begin());
  if (loop.d_ == k) return std::nullopt;
  const auto population = [&](std::size_t i) -> const Population& {
    return circuit.populations()[cycle->populations[i]];
  };
  loop.units_ = population(0).units;
  loop.has_gain_ = projection(1).transmits == Transmit::gain;
  for (std::size_t i = 0; i < k; ++i) {
    loop.whole_units_.push_back(population(i).units);
    loop.whole_cost_ += population(i).units * population((i + k - 1) % k).units;
  }

  // in the order of the circuit, which sequential Euler follows
  loop.core_.resize(k);
  loop.q_.resize(loop.d_ > 0 ? k - loop.d_ : 0);
  loop.y_.resize(loop.q_.size());
  for (const PopulationIndex p : all) {
    const auto i = static_cast<std::size_t>(std::ranges::find(cycle->populations, p) - cycle->populations.begin());
    Population moved = circuit.populations()[p];
    moved.units = loop.units_;
    loop.core_[i] = loop.circuit_.add(moved);
    if (loop.d_ == 0 || i < loop.d_) continue;
    moved.rate = "linear";
    moved.name = fmt::format("{} by the input", population(i).name);
    loop.q_[i - loop.d_] = loop.circuit_.add(moved);
    moved.units = 1;
    moved.name = fmt::format("{} of a constant 1", population(i).name);
    loop.y_[i - loop.d_] = loop.circuit_.add(moved);
  }
  const auto connect = [&](std::string name, PopulationIndex from, PopulationIndex to, Weights weights) {
    return loop.circuit_.add(
        Projection{.name = std::move(name), .source = from, .target = to, .weights = std::move(weights)});
  };
  loop.first_ = loop.circuit_.add(Projection{.name = projection(1).name,
                                             .source = loop.core_[0],
                                             .target = loop.core_[1],
                                             .transmits = projection(1).transmits});
  for (std::size_t i = 2; i < k; ++i) connect(projection(i).name, loop.core_[i - 1], loop.core_[i], 1.0);
  for (std::size_t i = 1; i < loop.q_.size(); ++i) {
    connect(fmt::format("q {}", i), loop.q_[i - 1], loop.q_[i], 1.0);
    connect(fmt::format("y {}", i), loop.y_[i - 1], loop.y_[i], 1.0);
  }
  loop.around_ = connect("M", loop.core_[k - 1], loop.core_[0], arma::mat(loop.units_, loop.units_));
  if (!loop.q_.empty()) connect("input", loop.q_.back(), loop.core_[0], 1.0);
  loop.f_.emplace(loop.circuit_, 1);
  loop.T_.resize(k);
  loop.g_.resize(k);
  return loop;
}

void ReducedLoop::load(const RightHandSide& whole) {
  const std::size_t k = members();
  const std::size_t columns = whole.layout().columns();
  f_->set_columns(columns);
  const auto take = [&](PopulationIndex to, std::size_t i) {
    for (std::size_t c = 0; c < columns; ++c) {
      f_->tau(to)[c] = whole.tau(cycle_.populations[i], c);
      f_->leak(to)[c] = whole.leak(cycle_.populations[i], c);
    }
  };
  for (std::size_t i = 0; i < k; ++i) take(core_[i], i);
  for (std::size_t i = 0; i < q_.size(); ++i) {
    take(q_[i], d_ + i);
    take(y_[i], d_ + i);
  }
  if (has_gain_) {
    const ConstMatrixView gain = whole.gain(cycle_.projections[1]);
    for (std::size_t c = 0; c < columns; ++c) {
      std::ranges::copy(gain.column(c), f_->gain(first_).column(c).begin());
    }
  }

  const auto units = [&](std::size_t i) { return whole.layout().units(cycle_.populations[i]); };
  const auto C = [&](std::size_t i) { return whole.weights_view(cycle_.projections[i]); };
  C_1_ = C(1);
  growth_ = std::max(1.0, growth_of(C_1_));
  for (std::size_t i = 2; i < k; ++i) {
    T_[i].set_size(units(i), units_);
    multiply(C(i), i == 2 ? C_1_ : view_of(std::as_const(T_[i - 1])), view_of(T_[i]));
    growth_ = std::max(growth_, growth_of(view_of(std::as_const(T_[i]))));
  }
  arma::mat M(units_, units_, arma::fill::none);
  multiply(C(0), k == 2 ? C_1_ : view_of(std::as_const(T_[k - 1])), view_of(M));
  f_->set_weights(around_, M);

  const ConstMatrixView s = whole.input(cycle_.populations[d_]);
  if (d_ == 0) {
    for (std::size_t c = 0; c < columns; ++c) std::ranges::copy(s.column(c), f_->input(core_[0]).column(c).begin());
    return;
  }
  double largest = 0;
  g_[d_] = to_matrix(s);
  for (std::size_t i = d_; i < k; ++i) {
    if (i > d_) {
      g_[i].set_size(units(i), columns);
      multiply(C(i), view_of(std::as_const(g_[i - 1])), view_of(g_[i]));
    }
    largest = std::max(largest, arma::abs(g_[i]).max());
  }
  growth_ += largest;
  multiply(C(0), view_of(std::as_const(g_[k - 1])), f_->input(q_[0]));
  fill(f_->input(y_[0]), 1.0);
}

void ReducedLoop::lift(const State& reduced, State& x) const {
  const Layout& from = f_->layout();
  std::vector<std::size_t> units(members());
  for (std::size_t i = 0; i < members(); ++i) units[cycle_.populations[i]] = whole_units_[i];
  const Layout to(std::move(units), from.columns());
  const auto target = [&](std::size_t i) { return to.view(std::span<double>(x), cycle_.populations[i]); };
  const auto source = [&](PopulationIndex p) { return from.view(std::span<const double>(reduced), p); };
  for (std::size_t c = 0; c < from.columns(); ++c) {
    std::ranges::copy(source(core_[0]).column(c), target(0).column(c).begin());
  }
  for (std::size_t i = 1; i < members(); ++i) {
    const MatrixView x_i = target(i);
    multiply(i == 1 ? C_1_ : view_of(T_[i]), source(core_[i]), x_i);
    if (d_ == 0 || i < d_) continue;
    for (std::size_t c = 0; c < from.columns(); ++c) {
      const double y = source(y_[i - d_])(0, c);
      for (std::size_t n = 0; n < x_i.units; ++n) x_i(n, c) += y * g_[i](n, c);
    }
  }
}

std::size_t ReducedLoop::reduced_values(std::size_t columns) const {
  std::size_t values = 2 * units_ * units_ + 4 * columns * (core_.size() + q_.size()) * padded(units_);
  for (std::size_t i = 0; i < members(); ++i) {
    const std::size_t units = whole_units_[i];
    if (i >= 2) values += units * units_;
    if (!q_.empty() && i >= d_) values += units * columns;
  }
  return values;
}

std::size_t ReducedLoop::propagation_values(std::size_t columns) const {
  const std::size_t k = members();
  const std::size_t n = padded(units_);
  const std::size_t basis = k * units_ + (q_.size() + 1) * columns;
  // state and inputs of the basis, its products, the powers, and one that is kept
  const std::size_t stride = n * (k * k * units_ + (q_.size() + 1) * k * columns);
  return basis * n * (2 * (k + q_.size()) + 1) + 2 * n * units_ * (k * k + 1) + stride;
}

bool ReducedLoop::columns_are_alike() const {
  for (PopulationIndex p = 0; p < circuit_.populations().size(); ++p) {
    for (std::size_t c = 1; c < f_->layout().columns(); ++c) {
      if (f_->tau(p, c) != f_->tau(p, 0) || f_->leak(p, c) != f_->leak(p, 0)) return false;
    }
  }
  return true;
}

}  // namespace dynvert
