// The Jacobian of a circuit, from the same description as its right-hand side.

#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace dynvert {

std::vector<RightHandSide::Derivative> RightHandSide::derivatives(const Transmission& signal, const State& x,
                                                                  std::size_t column) const {
  const std::size_t units = layout_.units(signal.population);
  const auto state = [&](PopulationIndex p) { return layout_.view(std::span<const double>(x), p).column(column); };
  Derivative own{.population = signal.population};
  if (signal.transmits == Transmit::rate && !rates_[signal.population]->elementwise) {
    own.full.set_size(units, units);
    rates_[signal.population]->jacobian(state(signal.population).data(), own.full.memptr(), units);
    return {own};
  }
  own.diagonal.ones(units);
  if (signal.transmits == Transmit::rate) {
    rates_[signal.population]->derivative(state(signal.population).data(), own.diagonal.memptr(), units);
  } else if (signal.transmits == Transmit::gain && !signal.follows) {
    std::copy_n(signal.gain + column * layout_.stride(signal.population), units, own.diagonal.memptr());
  } else if (signal.transmits == Transmit::gain) {
    // d/dx_j and d/dx_p of x_j phi(x_p), phi = g' or 1/g'
    const PopulationIndex leader = signal.follows->population;
    arma::rowvec& phi = own.diagonal;
    Derivative other{.population = leader};
    arma::rowvec& dphi = other.diagonal;
    dphi.set_size(units);
    rates_[leader]->derivative(state(leader).data(), phi.memptr(), units);
    rates_[leader]->second_derivative(state(leader).data(), dphi.memptr(), units);
    if (signal.follows->reciprocal) {
      dphi = -dphi / arma::square(phi);
      phi = 1 / phi;
    }
    for (std::size_t n = 0; n < units; ++n) dphi[n] *= state(signal.population)[n];
    return {own, other};
  }
  return {own};
}

arma::vec RightHandSide::slope(ProjectionIndex projection, const State& x, std::size_t column) {
  const auto all = derivatives(signal_of(projection), x, column);
  if (!all.front().full.is_empty()) {
    throw ValueError(fmt::format("slope of projection \"{}\"", circuit_.projections()[projection].name),
                     fmt::format("the rate function {} mixes units", source_of(projection).rate),
                     "an elementwise rate function");
  }
  return all.front().diagonal.t();
}

arma::mat RightHandSide::jacobian(const State& at, std::size_t column) {
  if (has_algebraic_) {
    completed_.assign(at.begin(), at.end());
    complete(completed_, 0);
  } else {
    take_weights(at);
  }
  const State& x = has_algebraic_ ? completed_ : at;
  arma::mat jacobian(layout_.variables(), layout_.variables());
  const auto& all = circuit_.populations();
  const auto block = [&](PopulationIndex i, PopulationIndex j) {
    return jacobian.submat(layout_.variable_offset(i), layout_.variable_offset(j),
                           arma::size(all[i].units, all[j].units));
  };
  for (PopulationIndex i = 0; i < all.size(); ++i) {
    if (all[i].moves()) block(i, i).diag() -= leak_[i][column] / tau_[i][column];
    if (!all[i].signal) continue;
    const Signal& signal = *all[i].signal;
    std::vector<ConstMatrixView> arguments;
    for (const PopulationIndex k : signal.arguments) {
      const auto values = layout_.view(std::span<const double>(x), k).column(column);
      arguments.push_back({values.data(), values.size(), 1, layout_.stride(k)});
    }
    for (std::size_t k = 0; k < arguments.size(); ++k)
      block(i, signal.arguments[k]) += signal.derivative(arguments, k, all[i].units);
  }
  for (ProjectionIndex k = 0; k < circuit_.projections().size(); ++k) {
    const PopulationIndex i = circuit_.projections()[k].target;
    const arma::mat c = all[i].algebraic ? weights(k) : arma::mat(weights(k) / tau_[i][column]);
    for (const Derivative& d : derivatives(signal_of(k), x, column)) {
      if (d.full.is_empty()) {
        block(i, d.population) += c.each_row() % d.diagonal;
      } else {
        block(i, d.population) += c * d.full;
      }
    }
  }
  for (std::size_t i = 0; i < plasticity_.size(); ++i) add_plasticity(jacobian, i, x, column);
  if (has_algebraic_) eliminate_algebraic(jacobian);
  return jacobian;
}

/// Forward accumulation: what a row owes to an algebraic population it owes to what that one depends on. Those come
/// before it, so that each is eliminated once.
void RightHandSide::eliminate_algebraic(arma::mat& jacobian) const {
  const auto& all = circuit_.populations();
  const auto span_of = [&](std::size_t b) {
    const std::size_t first = layout_.variable_offset(b);
    return arma::span(first, first + layout_.units(b) - 1);
  };
  const auto eliminate_from = [&](std::size_t row) {
    for (PopulationIndex a = 0; a < all.size(); ++a) {
      if (!all[a].algebraic || a == row) continue;
      const arma::mat by = jacobian(span_of(row), span_of(a));
      if (by.is_zero()) continue;
      jacobian(span_of(row), span_of(a)).zeros();
      jacobian.rows(span_of(row).a, span_of(row).b) += by * jacobian.rows(span_of(a).a, span_of(a).b);
    }
  };
  for (PopulationIndex p = 0; p < all.size(); ++p) {
    if (all[p].algebraic) eliminate_from(p);
  }
  for (std::size_t b = 0; b < layout_.populations(); ++b) {
    if (b >= all.size() || !all[b].algebraic) eliminate_from(b);
  }
  if (!circles_.empty()) eliminate_circles(jacobian);
  for (PopulationIndex p = 0; p < all.size(); ++p) {
    if (all[p].algebraic) jacobian.rows(span_of(p).a, span_of(p).b).zeros();
  }
}

void RightHandSide::add_plasticity(arma::mat& jacobian, std::size_t i, const State& x, std::size_t column) const {
  const Plasticity& rule = plasticity_[i];
  const std::size_t rows = layout_.units(circuit_.rows_of(rule)), columns = layout_.units(circuit_.columns_of(rule));
  const std::size_t at = layout_.variable_offset(populations() + i);
  const auto as_matrix = [&](const Derivative& d) -> arma::mat {
    return d.full.is_empty() ? arma::mat(arma::diagmat(d.diagonal)) : d.full;
  };

  // C f of each projection that has these weights: by the weights
  for (const auto& [k, transposed] : rule.uses) {
    const PopulationIndex target = circuit_.projections()[k].target;
    arma::vec f(source_of(k).units, arma::fill::none);
    value_of(signal_of(k), x, column, f.memptr());
    if (!circuit_.populations()[target].algebraic) f /= tau_[target][column];
    const std::size_t first = layout_.variable_offset(target);
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t r = 0; r < rows; ++r)
        jacobian(first + (transposed ? j : r), at + j * rows + r) += f[transposed ? r : j];
    }
  }

  // rate post pre' - decay C: by the weights, by what is in post and in pre
  arma::vec post(rows), term(rows, arma::fill::none), pre(columns, arma::fill::none);
  for (const PlasticProduct& product : rule.products) {
    const double eta = rule.rate * product.pre.coefficient / rule.tau;
    post_of(product, x, column, post.memptr(), term.memptr());
    ConstMatrixView E;
    if (product.synapses)
      E = layout_.view(std::span<const double>(x), *product.synapses);
    else
      value_of(signal_of(product.pre), x, column, pre.memptr());
    for (const Factor& factor : product.post) {
      for (const Derivative& d : derivatives(signal_of(factor), x, column)) {
        const arma::mat D = factor.coefficient * as_matrix(d);
        for (std::size_t j = 0; j < columns; ++j) {
          auto block = jacobian.submat(at + j * rows, layout_.variable_offset(d.population), arma::size(D));
          if (product.synapses)
            block += eta * arma::mat(D.each_col() % arma::vec(E.column(column).data() + j * rows, rows));
          else
            block += eta * pre[j] * D;
        }
      }
    }
    if (product.synapses) {
      const std::size_t first = layout_.variable_offset(*product.synapses);
      for (std::size_t n = 0; n < rows * columns; ++n) jacobian(at + n, first + n) += eta * post[n % rows];
      continue;
    }
    for (const Derivative& d : derivatives(signal_of(product.pre), x, column)) {
      const arma::mat D = as_matrix(d);
      for (std::size_t j = 0; j < columns; ++j) {
        jacobian.submat(at + j * rows, layout_.variable_offset(d.population), arma::size(rows, D.n_cols)) +=
            eta * post * D.row(j);
      }
    }
  }
  for (std::size_t n = 0; n < rows * columns; ++n) jacobian(at + n, at + n) -= rule.decay / rule.tau;
}

arma::uvec RightHandSide::variables_of(std::span<const PopulationIndex> wanted) const {
  std::vector<arma::uword> variables;
  for (const PopulationIndex p : wanted) {
    for (std::size_t n = 0; n < layout_.units(p); ++n) variables.push_back(layout_.variable_offset(p) + n);
  }
  return variables;
}

arma::uvec RightHandSide::free_variables() const {
  std::vector<std::size_t> blocks;
  for (std::size_t b = 0; b < layout_.populations(); ++b) {
    if (b >= populations() || circuit_.populations()[b].moves()) blocks.push_back(b);
  }
  return variables_of(blocks);
}

}  // namespace dynvert
