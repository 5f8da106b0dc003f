#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/program/term_adjoint.hpp>

#include <set>

namespace dynvert {

namespace {

/// y .* by, where one column of `by` may stand for all of y
arma::mat times_columns(const arma::mat& y, const arma::mat& by) {
  if (by.n_cols == y.n_cols) return y % by;
  return y.each_col() % by.col(0);
}

}  // namespace

void add_to(arma::mat& adjoint, arma::mat&& value) {
  if (adjoint.is_empty())
    adjoint = std::move(value);
  else
    adjoint += value;
}

SignalAdjoint::SignalAdjoint(const equations::Expression& signal, const CircuitPlan& plan,
                             const equations::Phase* phase) {
  std::set<std::size_t> named;
  for_each_population(signal, plan, [&](std::size_t p) { named.insert(p); });
  for (const std::size_t p : named) {
    const equations::SignalDerivative d =
        equations::derivative(signal, plan.description().populations[p].name.expression());
    Part part{.population = p};
    if (!d.diagonal.is_number(0)) part.diagonal.emplace(d.diagonal, plan, phase);
    for (const auto& product : d.products)
      part.products.emplace_back(SignalValue(product.column, plan, phase), SignalValue(product.row, plan, phase));
    if (part.diagonal || !part.products.empty()) parts_.push_back(std::move(part));
  }
}

void SignalAdjoint::add(std::span<const arma::mat> x, const arma::mat& y, Adjoints& to) const {
  arma::mat value, row;
  for (const Part& part : parts_) {
    const arma::mat& own = x[part.population];
    if (part.diagonal && part.diagonal->is_one()) {
      add_to(to.populations[part.population], arma::mat(y));
    } else if (part.diagonal) {
      part.diagonal->evaluate(x, y.n_rows, own.n_cols, value);
      add_to(to.populations[part.population], times_columns(y, value));
    }
    for (const auto& [column, along] : part.products) {
      column.evaluate(x, y.n_rows, own.n_cols, value);
      along.evaluate(x, own.n_rows, own.n_cols, row);
      const arma::rowvec sums = arma::sum(times_columns(y, value), 0);
      if (row.n_cols == sums.n_cols)
        add_to(to.populations[part.population], arma::mat(row.each_row() % sums));
      else
        add_to(to.populations[part.population], arma::mat(row * sums));
    }
  }
}

SumAdjoint::SumAdjoint(std::span<const equations::Term> terms, const CircuitPlan& plan, const equations::Phase* phase) {
  for (const equations::Term& t : terms) {
    Compiled term{.coefficient = plan.number(t.coefficient, phase),
                  .matrix = std::nullopt,
                  .place = {},
                  .transposed = false,
                  .signal = SignalValue(t.signal, plan, phase),
                  .factor = SignalValue(t.factor, plan, phase),
                  .of_signal = SignalAdjoint(t.signal, plan, phase),
                  .of_factor = SignalAdjoint(t.factor, plan, phase)};
    if (t.matrix) {
      term.matrix = plan.matrix(t.matrix->name);
      term.place = plan.place(*term.matrix);
      term.transposed = t.matrix->transposed;
    }
    terms_.push_back(std::move(term));
  }
}

void SumAdjoint::add(const Network& network, std::span<const arma::mat> x, const arma::mat& y, Adjoints& to) const {
  const std::size_t columns = x.front().n_cols;
  arma::mat signal, factor;
  for (const Compiled& t : terms_) {
    const bool scaled = !t.factor.is_one();
    arma::mat z = t.coefficient == 1 ? y : arma::mat(t.coefficient * y);
    const arma::mat* M = t.matrix ? &t.place.of(network) : nullptr;
    const std::size_t inputs = M == nullptr ? y.n_rows : t.transposed ? M->n_rows : M->n_cols;
    if (scaled || (M != nullptr && to.takes_matrices)) t.signal.evaluate(x, inputs, columns, signal);
    if (scaled) {
      const arma::mat product = M == nullptr   ? signal
                                : t.transposed ? arma::mat(M->t() * signal)
                                               : arma::mat(*M * signal);
      t.of_factor.add(x, times_columns(z, product), to);
      t.factor.evaluate(x, y.n_rows, columns, factor);
      z = times_columns(z, factor);
    }
    if (M == nullptr) {
      t.of_signal.add(x, z, to);
      continue;
    }
    if (to.takes_matrices)
      add_to(to.matrices[*t.matrix], t.transposed ? arma::mat(signal * z.t()) : arma::mat(z * signal.t()));
    if (!t.signal.is_one()) t.of_signal.add(x, t.transposed ? arma::mat(*M * z) : arma::mat(M->t() * z), to);
  }
}

}  // namespace dynvert
