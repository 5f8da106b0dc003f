#include <dynvert/models/program/sum_program.hpp>

#include <utility>

namespace dynvert {

namespace {

ConstMatrixView view_of_values(const arma::mat& x) { return {x.memptr(), x.n_rows, x.n_cols, x.n_rows}; }

}  // namespace

SignalValue::SignalValue(const equations::Expression& signal, const CircuitPlan& plan, const equations::Phase* phase)
    : one_(signal.is_number(1)) {
  if (one_) return;
  if (signal.is(equations::Kind::name) && !plan.is_number(signal)) {
    bare_ = plan.population(signal);
    return;
  }
  program_ = std::make_shared<equations::SignalProgram>(
      signal, [&](const equations::Expression& name) { return plan.is_number(name); });
  program_->set_numbers([&](const equations::Expression& name) { return plan.number(name, phase); });
  for (const equations::Expression& name : program_->names()) names_.push_back(plan.population(name));
}

void SignalValue::evaluate(std::span<const arma::mat> x, std::size_t units, std::size_t columns, arma::mat& y) const {
  if (one_) {
    y.ones(units, columns);
    return;
  }
  if (bare_) {
    y = x[*bare_];
    return;
  }
  std::vector<ConstMatrixView> views;
  for (const std::size_t p : names_) views.push_back(view_of_values(x[p]));
  y.set_size(units, columns);
  program_->run(views, {y.memptr(), units, columns, units});
}

SumProgram::SumProgram(std::span<const equations::Term> terms, std::size_t units, const CircuitPlan& plan,
                       const equations::Phase* phase)
    : units_(units) {
  for (const equations::Term& t : terms) {
    Compiled term{.coefficient = plan.number(t.coefficient, phase),
                  .matrix = std::nullopt,
                  .transposed = false,
                  .signal = SignalValue(t.signal, plan, phase),
                  .factor = SignalValue(t.factor, plan, phase)};
    if (t.matrix) {
      term.matrix = plan.place(plan.matrix(t.matrix->name));
      term.transposed = t.matrix->transposed;
    }
    terms_.push_back(std::move(term));
  }
}

void SumProgram::evaluate(const Network& network, std::span<const arma::mat> x, std::size_t columns,
                          arma::mat& y) const {
  bool first = true;
  arma::mat own, signal, factor;
  const auto add = [&](arma::mat& term) {
    if (std::exchange(first, false)) {
      y = std::move(term);
    } else {
      y += term;
    }
  };
  for (const Compiled& t : terms_) {
    const arma::mat* s = t.signal.is_population() ? &x[*t.signal.is_population()] : &signal;
    if (!t.matrix) {
      t.signal.evaluate(x, units_, columns, own);
      if (t.coefficient != 1) own *= t.coefficient;
    } else if (const arma::mat& M = t.matrix->of(network); t.signal.is_one()) {
      // of a bias; a transposed one makes no sense, and the equations refuse it
      own = t.coefficient != 1 ? arma::mat(arma::repmat(t.coefficient * M, 1, columns)) : arma::repmat(M, 1, columns);
    } else {
      const std::size_t inputs = t.transposed ? M.n_rows : M.n_cols;
      if (s == &signal) t.signal.evaluate(x, inputs, columns, signal);
      own = t.transposed ? arma::mat(M.t() * *s) : arma::mat(M * *s);
      if (t.coefficient != 1) own *= t.coefficient;
    }
    if (!t.factor.is_one()) {
      t.factor.evaluate(x, units_, columns, factor);
      own %= factor;
    }
    add(own);
  }
  if (first) y.zeros(units_, columns);
}

}  // namespace dynvert
