#include <dynvert/models/error.hpp>
#include <dynvert/models/program/signal_program.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert::equations {

namespace {

/// y = a o b, where one number may stand for all units. y may be a or b.
template <typename Operation>
void combine(const double* a, std::size_t na, const double* b, std::size_t nb, double* y, Operation o) {
  if (na == nb)
    for (std::size_t i = 0; i < na; ++i) y[i] = o(a[i], b[i]);
  else if (na == 1) {
    const double first = *a;
    for (std::size_t i = 0; i < nb; ++i) y[i] = o(first, b[i]);
  } else {
    const double second = *b;
    for (std::size_t i = 0; i < na; ++i) y[i] = o(a[i], second);
  }
}

}  // namespace

SignalProgram::SignalProgram(const Expression& signal, const std::function<bool(const Expression&)>& is_number) {
  add(signal, is_number);
  numbers_.assign(constants_.size(), 0);
  scratch_.resize(steps_.size());
}

bool SignalProgram::is_constant(const Expression& e, const std::function<bool(const Expression&)>& is_number) {
  bool constant = true;
  visit(e, [&](const Expression& node) {
    if (node.is(Kind::name)) {
      constant = constant && is_number(node);
      return false;
    }
    if (node.is(Kind::call)) {
      const Function* f = find_function(node.name());
      constant = constant && f != nullptr && f->elementwise;
    }
    return constant;
  });
  return constant;
}

void SignalProgram::add(const Expression& e, const std::function<bool(const Expression&)>& is_number) {
  if (is_constant(e, is_number)) {
    steps_.push_back({.what = Step::What::number, .index = constants_.size()});
    constants_.push_back(e);
    return;
  }
  const bool is_last = e.is(Kind::call) && e.name() == "last";
  if (e.is(Kind::name) || is_last) {
    auto found = std::ranges::find(names_, e);
    if (found == names_.end()) found = names_.insert(found, e);
    steps_.push_back({.what = Step::What::population, .index = static_cast<std::size_t>(found - names_.begin())});
    return;
  }
  if (e.is(Kind::call)) {
    const Function* f = find_function(e.name());
    if (f == nullptr || e.primes() > f->max_primes || e.arguments().size() != f->arguments)
      throw ValueError(to_text(e), "is no signal", "functions that equations know, with their arguments");
    add(e.argument(), is_number);
    const std::size_t first = constants_.size();
    for (std::size_t i = 1; i < e.arguments().size(); ++i) {
      if (!is_constant(e.argument(i), is_number))
        throw ValueError(to_text(e), fmt::format("{} is no number", to_text(e.argument(i))), "numbers and parameters");
      constants_.push_back(e.argument(i));
    }
    steps_.push_back({.what = Step::What::function, .function = f, .primes = e.primes(), .index = first});
    return;
  }
  if (e.is(Kind::negate)) {
    add(e.argument(), is_number);
    steps_.push_back({.what = Step::What::unary});
    return;
  }
  if (e.arguments().size() != 2) throw ValueError(to_text(e), "is no signal", "an expression of single units");
  add(e.argument(0), is_number);
  add(e.argument(1), is_number);
  steps_.push_back({.what = Step::What::binary, .kind = e.kind()});
}

void SignalProgram::set_numbers(const std::function<double(const Expression&)>& value_of) {
  for (std::size_t i = 0; i < constants_.size(); ++i) numbers_[i] = evaluate_number(constants_[i], value_of);
}

double* SignalProgram::scratch(std::size_t slot, std::size_t size) {
  if (scratch_[slot].size() < size) scratch_[slot].resize(size);
  return scratch_[slot].data();
}

void SignalProgram::run(std::span<const ConstMatrixView> populations, const MatrixView& y) {
  for (std::size_t column = 0; column < y.columns; ++column) {
    stack_.clear();
    for (const Step& step : steps_) {
      if (step.what == Step::What::number) {
        stack_.push_back({&numbers_[step.index], 1});
        continue;
      }
      if (step.what == Step::What::population) {
        const auto x = populations[step.index].column(column);
        stack_.push_back({x.data(), x.size()});
        continue;
      }
      const Value b = stack_.back();
      stack_.pop_back();
      if (step.what == Step::What::unary) {
        double* to = scratch(stack_.size(), b.size);
        for (std::size_t i = 0; i < b.size; ++i) to[i] = -b.data[i];
        stack_.push_back({to, b.size});
        continue;
      }
      if (step.what == Step::What::function) {
        const Function& f = *step.function;
        double* to = scratch(stack_.size(), b.size);
        f.apply(f, step.primes, b.data, b.size, numbers_.data() + step.index, to);
        stack_.push_back({to, f.one_value ? 1 : b.size});
        continue;
      }
      const Value a = stack_.back();
      stack_.pop_back();
      if (a.size != b.size && a.size != 1 && b.size != 1)
        throw ValueError("signal", fmt::format("combines {} and {} units", a.size, b.size), "populations of one size");
      const std::size_t size = std::max(a.size, b.size);
      // the result takes the place of a: b's own scratch lies one above. One number is copied, since its place may
      // move.
      const double first = *a.data;
      double* to = scratch(stack_.size(), size);
      const double* left = a.size == 1 ? &first : a.data;
      const auto apply = [&](auto o) { combine(left, a.size, b.data, b.size, to, o); };
      switch (step.kind) {
        case Kind::add:
          apply([](double p, double q) { return p + q; });
          break;
        case Kind::subtract:
          apply([](double p, double q) { return p - q; });
          break;
        case Kind::multiply:
        case Kind::times:
          apply([](double p, double q) { return p * q; });
          break;
        case Kind::divide:
        case Kind::over:
          apply([](double p, double q) { return p / q; });
          break;
        default:
          if (b.size == 1 && *b.data == 2)
            apply([](double p, double) { return p * p; });
          else
            apply([](double p, double q) { return std::pow(p, q); });
      }
      stack_.push_back({to, size});
    }
    const Value result = stack_.back();
    if (result.size != y.units && result.size != 1)
      throw ValueError("signal", fmt::format("has {} units", result.size), fmt::format("{}", y.units));
    for (std::size_t i = 0; i < y.units; ++i) y(i, column) = result.data[result.size == 1 ? 0 : i];
  }
}

}  // namespace dynvert::equations
