#include <dynvert/models/error.hpp>
#include <dynvert/models/right_hand_side.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace dynvert {

RightHandSide::RightHandSide(Circuit circuit, std::size_t columns)
    : circuit_(std::move(circuit)),
      kernel_(kernels().affine),
      incoming_(circuit_.populations().size()),
      weights_(circuit_.projections().size()),
      gains_(circuit_.projections().size()),
      scratch_(circuit_.projections().size()),
      jobs_(circuit_.populations().size()),
      bound_(circuit_.populations().size()) {
  for (const auto& p : circuit_.populations()) rates_.push_back(&rate_function(p.rate));
  const auto& projections = circuit_.projections();
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    incoming_[projections[k].target].push_back(k);
    if (const auto* matrix = std::get_if<arma::mat>(&projections[k].weights)) set_weights(k, *matrix);
  }
  set_columns(columns);
}

void RightHandSide::set_columns(std::size_t columns) {
  if (columns == 0) throw ValueError("right-hand side", "0 columns", "at least one trial");
  if (columns != layout_.columns()) {
    std::vector<std::size_t> units;
    for (const auto& p : circuit_.populations()) units.push_back(p.units);
    layout_ = Layout(std::move(units), columns);
  }
  inputs_.assign(layout_.size(), 0.0);
  const auto& projections = circuit_.projections();
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    const std::size_t size = padded(source_of(k).units) * columns;
    if (projections[k].transmits == Transmit::gain && !projections[k].follows) {
      gains_[k].assign(size, 0.0);
      fill(gain(k), 1.0);
    }
    const bool copies = projections[k].transmits != Transmit::state || projections[k].source == projections[k].target;
    if (copies) scratch_[k].assign(size, 0.0);
  }
  drives_.assign(circuit_.populations().size(), nullptr);
  columns_.resize(columns);
  std::iota(columns_.begin(), columns_.end(), std::size_t{0});
}

void RightHandSide::keep_columns(std::span<const std::size_t> columns) {
  const Layout old = layout_;
  std::vector<std::size_t> units;
  for (const auto& p : circuit_.populations()) units.push_back(p.units);
  layout_ = Layout(std::move(units), columns.size());
  const auto compact = [&](double* to, const double* from, std::size_t stride) {
    // ascending columns: a source never lies before its destination
    for (std::size_t c = 0; c < columns.size(); ++c) std::copy_n(from + columns[c] * stride, stride, to + c * stride);
  };
  for (PopulationIndex p = 0; p < old.populations(); ++p) {
    compact(inputs_.data() + layout_.offset(p), inputs_.data() + old.offset(p), old.stride(p));
  }
  inputs_.resize(layout_.size());
  for (ProjectionIndex k = 0; k < gains_.size(); ++k) {
    if (!gains_[k].empty()) compact(gains_[k].data(), gains_[k].data(), gain_stride(k));
  }
  std::vector<std::size_t> kept;
  for (const std::size_t c : columns) kept.push_back(columns_[c]);
  columns_ = std::move(kept);
}

void RightHandSide::take_column(const RightHandSide& from, std::size_t c) {
  set_columns(1);
  for (PopulationIndex p = 0; p < layout_.populations(); ++p) {
    std::ranges::copy(from.input(p).column(c), input(p).column(0).begin());
  }
  for (ProjectionIndex k = 0; k < gains_.size(); ++k) {
    if (!gains_[k].empty()) std::copy_n(from.gains_[k].data() + c * gain_stride(k), gain_stride(k), gains_[k].data());
  }
  drives_ = from.drives_;
  columns_ = {from.columns_[c]};
}

void RightHandSide::set_weights(ProjectionIndex projection, const arma::mat& weights) {
  const auto& p = circuit_.projections()[projection];
  const auto& source = circuit_.populations()[p.source];
  const auto& target = circuit_.populations()[p.target];
  if (std::holds_alternative<double>(p.weights) || weights.n_rows != target.units || weights.n_cols != source.units) {
    throw ValueError(
        fmt::format("projection \"{}\"", p.name), fmt::format("weights are {}x{}", weights.n_rows, weights.n_cols),
        std::holds_alternative<double>(p.weights)
            ? std::string("one number: it is one-to-one")
            : fmt::format("{}x{} (units of {} x units of {})", target.units, source.units, target.name, source.name));
  }
  const std::size_t stride = padded(target.units);
  State& packed = weights_[projection];
  packed.resize(stride * source.units);
  for (std::size_t j = 0; j < source.units; ++j)
    std::copy_n(weights.colptr(j), target.units, packed.data() + j * stride);
}

arma::mat RightHandSide::weights(ProjectionIndex projection) const {
  const auto& p = circuit_.projections()[projection];
  const std::size_t rows = circuit_.populations()[p.target].units;
  const std::size_t columns = circuit_.populations()[p.source].units;
  if (const auto* scale = std::get_if<double>(&p.weights)) return *scale * arma::eye(rows, columns);
  return to_matrix({weights_[projection].data(), rows, columns, padded(rows)});
}

MatrixView RightHandSide::gain(ProjectionIndex projection) {
  const auto& p = circuit_.projections()[projection];
  if (p.transmits != Transmit::gain || p.follows) {
    throw ValueError(fmt::format("projection \"{}\"", p.name), "has no gain of its own",
                     "a projection that transmits a gain which follows no population");
  }
  return {gains_[projection].data(), source_of(projection).units, layout_.columns(), gain_stride(projection)};
}

void RightHandSide::set_drive(PopulationIndex population, Drive drive) { drives_[population] = std::move(drive); }

bool RightHandSide::has_drives() const {
  return std::ranges::any_of(drives_, [](const Drive& d) { return static_cast<bool>(d); });
}

void RightHandSide::transmit(ProjectionIndex k, const State& x) {
  const auto& projection = circuit_.projections()[k];
  const std::size_t stride = layout_.stride(projection.source);
  const std::size_t units = layout_.units(projection.source);
  const double* source = x.data() + layout_.offset(projection.source);
  double* f = scratch_[k].data();
  switch (projection.transmits) {
    case Transmit::state:
      std::copy_n(source, stride * layout_.columns(), f);
      return;
    case Transmit::rate:
      for (std::size_t c = 0; c < layout_.columns(); ++c) {
        rates_[projection.source]->value(source + c * stride, f + c * stride, units);
      }
      return;
    case Transmit::gain:
      break;
  }
  if (!projection.follows) {
    const double* gain = gains_[k].data();
    for (std::size_t i = 0; i < stride * layout_.columns(); ++i) f[i] = gain[i] * source[i];
    return;
  }
  const PopulationIndex leader = projection.follows->population;
  for (std::size_t c = 0; c < layout_.columns(); ++c) {
    double* column = f + c * stride;
    rates_[leader]->derivative(x.data() + layout_.offset(leader) + c * stride, column, units);
    for (std::size_t i = 0; i < units; ++i) {
      const double s = source[c * stride + i];
      column[i] = projection.follows->reciprocal ? s / column[i] : s * column[i];
    }
  }
}

void RightHandSide::prepare(Job& job, PopulationIndex p, const State& x, double* out, double keep, double rate) {
  const bool in_place = out == x.data() + layout_.offset(p);
  job.terms.clear();
  job.computed.clear();
  for (const ProjectionIndex k : incoming_[p]) {
    const auto& projection = circuit_.projections()[k];
    AffineTerm term{.source_stride = layout_.stride(projection.source)};
    // in place, the kernel must not read what it is writing
    if (projection.transmits == Transmit::state && !(in_place && projection.source == p)) {
      term.source = x.data() + layout_.offset(projection.source);
    } else {
      term.source = scratch_[k].data();
      job.computed.push_back(k);
    }
    if (const auto* scale = std::get_if<double>(&projection.weights)) {
      term.scale = *scale;
    } else {
      term.weights = weights_[k].data();
      term.inputs = layout_.units(projection.source);
    }
    job.terms.push_back(term);
  }
  job.update = {.terms = job.terms.data(),
                .term_count = job.terms.size(),
                .rows = layout_.stride(p),
                .columns = layout_.columns(),
                .input = inputs_.data() + layout_.offset(p),
                .state = x.data() + layout_.offset(p),
                .out = out,
                .keep = keep,
                .rate = rate,
                .leak = circuit_.populations()[p].leak};
}

void RightHandSide::evaluate(const Job& job, PopulationIndex p, const State& x, double t) {
  if (drives_[p]) drives_[p](t, columns_, input(p));
  for (const ProjectionIndex k : job.computed) transmit(k, x);
  kernel_(job.update);
}

void RightHandSide::operator()(const State& x, State& dxdt, double t) {
  for (PopulationIndex p = 0; p < layout_.populations(); ++p) {
    prepare(jobs_[p], p, x, dxdt.data() + layout_.offset(p), 0.0, 1.0 / circuit_.populations()[p].tau);
    evaluate(jobs_[p], p, x, t);
  }
}

void RightHandSide::bind(State& x, double dt) {
  bound_state_ = &x;
  for (PopulationIndex p = 0; p < layout_.populations(); ++p) {
    prepare(bound_[p], p, x, x.data() + layout_.offset(p), 1.0, dt / circuit_.populations()[p].tau);
  }
}

void RightHandSide::advance(PopulationIndex p, double t) { evaluate(bound_[p], p, *bound_state_, t); }

arma::mat RightHandSide::jacobian(const State& x, std::size_t column) {
  arma::mat jacobian(layout_.variables(), layout_.variables());
  const auto& populations = circuit_.populations();
  const auto block = [&](PopulationIndex i, PopulationIndex j) {
    return jacobian.submat(layout_.variable_offset(i), layout_.variable_offset(j),
                           arma::size(populations[i].units, populations[j].units));
  };
  const auto state = [&](PopulationIndex p) { return layout_.view(std::span<const double>(x), p).column(column); };
  for (PopulationIndex i = 0; i < populations.size(); ++i)
    block(i, i).diag() -= populations[i].leak / populations[i].tau;

  for (ProjectionIndex k = 0; k < circuit_.projections().size(); ++k) {
    const auto& projection = circuit_.projections()[k];
    const PopulationIndex i = projection.target;
    const PopulationIndex j = projection.source;
    const std::size_t units = populations[j].units;
    arma::rowvec slope(units, arma::fill::ones);
    const arma::mat c = weights(k) / populations[i].tau;
    if (projection.transmits == Transmit::rate) {
      rates_[j]->derivative(state(j).data(), slope.memptr(), units);
    } else if (projection.transmits == Transmit::gain && !projection.follows) {
      std::copy_n(gains_[k].data() + column * gain_stride(k), units, slope.memptr());
    } else if (projection.transmits == Transmit::gain) {
      // d/dx_j and d/dx_p of x_j phi(x_p), phi = g' or 1/g'
      const PopulationIndex leader = projection.follows->population;
      arma::rowvec phi(units, arma::fill::none);
      arma::rowvec dphi(units, arma::fill::none);
      rates_[leader]->derivative(state(leader).data(), phi.memptr(), units);
      rates_[leader]->second_derivative(state(leader).data(), dphi.memptr(), units);
      if (projection.follows->reciprocal) {
        dphi = -dphi / arma::square(phi);
        phi = 1 / phi;
      }
      slope = phi;
      for (std::size_t n = 0; n < units; ++n) dphi[n] *= state(j)[n];
      block(i, leader) += c.each_row() % dphi;
    }
    block(i, j) += c.each_row() % slope;
  }
  return jacobian;
}

}  // namespace dynvert
