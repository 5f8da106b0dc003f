#include <dynvert/models/circuit/product.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace dynvert {

namespace {

/// A call of memmove would take longer than a few numbers do: four at a time, the last four once more for those that
/// are left.
void copy(const double* from, std::size_t n, double* to) {
  constexpr std::size_t few = 32, at_once = 4;
  if (n > few || n < at_once) {
    std::copy_n(from, n, to);
    return;
  }
  for (std::size_t i = 0; i + at_once <= n; i += at_once) std::memcpy(to + i, from + i, at_once * sizeof(double));
  std::memcpy(to + n - at_once, from + n - at_once, at_once * sizeof(double));
}

/// Bit for bit, so that a NaN is itself.
bool are_same(const arma::mat& A, const double* packed, std::size_t stride) {
  for (arma::uword j = 0; j < A.n_cols; ++j) {
    if (std::memcmp(A.colptr(j), packed + j * stride, A.n_rows * sizeof(double)) != 0) return false;
  }
  return true;
}

}  // namespace

RightHandSide::RightHandSide(Circuit circuit, std::size_t columns)
    : circuit_(std::move(circuit)),
      kernels_(&kernels()),
      incoming_(circuit_.populations().size()),
      weights_(circuit_.projections().size()),
      scales_(circuit_.projections().size()),
      gains_(circuit_.projections().size()),
      scratch_(circuit_.projections().size()),
      products_(circuit_.projections().size()),
      by_rows_(circuit_.projections().size()),
      by_rows_is_current_(circuit_.projections().size()),
      tau_(circuit_.populations().size()),
      leak_(circuit_.populations().size()),
      plasticity_(circuit_.plasticity()),
      jobs_(circuit_.populations().size()) {
  for (const auto& p : circuit_.populations()) {
    const RateFunction& g = rate_function(p.rate);
    rates_.push_back(&g);
    double at_zero = 0;
    if (g.elementwise) g.value(&at_zero, &at_zero, 1);
    rates_padded_.push_back(g.elementwise && at_zero == 0);
  }
  const auto& projections = circuit_.projections();
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    incoming_[projections[k].target].push_back(k);
    if (const auto* matrix = std::get_if<arma::mat>(&projections[k].weights)) {
      set_weights(k, *matrix);
    } else {
      scales_[k] = std::get<double>(projections[k].weights);
    }
  }
  const auto& populations = circuit_.populations();
  for (const Plasticity& rule : plasticity_) {
    post_.resize(std::max(post_.size(), 2 * populations[circuit_.rows_of(rule)].units));
    pre_.resize(std::max(pre_.size(), populations[circuit_.columns_of(rule)].units));
    has_bounds_ = has_bounds_ || rule.is_bounded();
  }
  looks_back_ = circuit_.looks_back();
  for (PopulationIndex p = 0; p < populations.size(); ++p) {
    if (populations[p].stands_for && populations[p].stands_for->same_time) circles_.push_back(p);
  }
  for (ProjectionIndex k = 0; k < projections.size(); ++k) for_rows_.push_back(is_for_rows(k));
  circuit_.drop_weights();
  has_algebraic_ = circuit_.has_algebraic();
  set_columns(columns);
}

/// Few rows of many inputs, in place of columns that are padding for a third. Weights that move would have to be copied
/// every step.
bool RightHandSide::is_for_rows(ProjectionIndex k) const {
  constexpr std::size_t fewest_inputs = 128;
  if (std::holds_alternative<double>(circuit_.projections()[k].weights)) return false;
  if (target_of(k).units > RowProduct::max_rows || source_of(k).units < fewest_inputs) return false;
  return std::ranges::none_of(plasticity_, [&](const Plasticity& rule) {
    return std::ranges::find(rule.uses, k, &WeightUse::projection) != rule.uses.end();
  });
}

/// W f of the projection into products_. @param source  f, padded source units x columns
RowProduct RightHandSide::row_product(ProjectionIndex k, const double* source) {
  const std::size_t inputs = padded(source_of(k).units);
  if (!by_rows_is_current_[k]) {
    const ConstMatrixView W = weights_view(k);
    by_rows_[k].assign(W.units * inputs, 0.0);
    for (std::size_t j = 0; j < W.columns; ++j) {
      for (std::size_t i = 0; i < W.units; ++i) by_rows_[k][i * inputs + j] = W(i, j);
    }
    by_rows_is_current_[k] = true;
  }
  return {.weights = by_rows_[k].data(),
          .rows = target_of(k).units,
          .inputs = inputs,
          .columns = layout_.columns(),
          .source = source,
          .source_stride = inputs,
          .out = products_[k].data(),
          .out_stride = padded(target_of(k).units)};
}

void RightHandSide::size_product(ProjectionIndex k) {
  const std::size_t size = padded(target_of(k).units) * layout_.columns();
  if (products_[k].size() != size) products_[k].assign(size, 0.0);
}

const std::string& RightHandSide::block_name(std::size_t block) const {
  if (block < populations()) return circuit_.populations()[block].name;
  return circuit_.projections()[plasticity_[block - populations()].uses.front().projection].name;
}

void RightHandSide::make_layout(std::size_t columns) {
  std::vector<std::size_t> units;
  for (const auto& p : circuit_.populations()) units.push_back(p.units);
  for (const Plasticity& rule : plasticity_) {
    const Projection& first = circuit_.projections()[rule.uses.front().projection];
    units.push_back(circuit_.populations()[first.target].units * circuit_.populations()[first.source].units);
  }
  layout_ = Layout(std::move(units), columns, plasticity_.size());
}

void RightHandSide::set_columns(std::size_t columns) {
  if (columns == 0) throw ValueError("right-hand side", "0 columns", "at least one trial");
  if (columns != layout_.columns()) make_layout(columns);
  inputs_.assign(layout_.size(), 0.0);
  for (PopulationIndex p = 0; p < populations(); ++p) {
    tau_[p].assign(columns, circuit_.populations()[p].tau);
    leak_[p].assign(columns, circuit_.populations()[p].algebraic ? 0.0 : circuit_.populations()[p].leak);
  }
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
  drives_.assign(populations(), nullptr);
  paths_.clear();
  columns_.resize(columns);
  std::iota(columns_.begin(), columns_.end(), std::size_t{0});
}

void RightHandSide::keep_columns(std::span<const std::size_t> columns) {
  const Layout old = layout_;
  make_layout(columns.size());
  const auto compact = [&](double* to, const double* from, std::size_t stride) {
    // ascending columns: a source never lies before its destination
    for (std::size_t c = 0; c < columns.size(); ++c) std::copy_n(from + columns[c] * stride, stride, to + c * stride);
  };
  for (std::size_t b = 0; b < populations(); ++b) {
    compact(inputs_.data() + layout_.offset(b), inputs_.data() + old.offset(b), old.stride(b));
  }
  inputs_.resize(layout_.size());
  for (ProjectionIndex k = 0; k < gains_.size(); ++k) {
    if (!gains_[k].empty()) compact(gains_[k].data(), gains_[k].data(), gain_stride(k));
  }
  for (PopulationIndex p = 0; p < populations(); ++p) {
    compact(tau_[p].data(), tau_[p].data(), 1);
    compact(leak_[p].data(), leak_[p].data(), 1);
  }
  std::vector<std::size_t> kept;
  for (const std::size_t c : columns) kept.push_back(columns_[c]);
  columns_ = std::move(kept);
  std::vector<std::uint64_t> paths;
  if (!paths_.empty()) {
    for (const std::size_t c : columns) paths.push_back(paths_[c]);
  }
  paths_ = std::move(paths);
}

void RightHandSide::take_column(const RightHandSide& from, std::size_t c) {
  set_columns(1);
  for (PopulationIndex p = 0; p < populations(); ++p) {
    std::ranges::copy(from.input(p).column(c), input(p).column(0).begin());
    tau_[p][0] = from.tau_[p][c];
    leak_[p][0] = from.leak_[p][c];
  }
  for (ProjectionIndex k = 0; k < gains_.size(); ++k) {
    if (!gains_[k].empty()) std::copy_n(from.gains_[k].data() + c * gain_stride(k), gain_stride(k), gains_[k].data());
  }
  scales_ = from.scales_;
  weights_ = from.weights_;
  by_rows_is_current_.assign(by_rows_is_current_.size(), false);
  plasticity_ = from.plasticity_;
  drives_ = from.drives_;
  columns_ = {from.columns_[c]};
  noise_seed_ = from.noise_seed_;
  noise_keys_ = from.noise_keys_;
  if (!from.paths_.empty()) paths_ = {from.paths_[c]};
}

void RightHandSide::set_weights(ProjectionIndex projection, const arma::mat& weights) {
  const auto& p = circuit_.projections()[projection];
  const auto& source = source_of(projection);
  const auto& target = target_of(projection);
  if (std::holds_alternative<double>(p.weights) || weights.n_rows != target.units || weights.n_cols != source.units) {
    throw ValueError(
        fmt::format("projection \"{}\"", p.name), fmt::format("weights are {}x{}", weights.n_rows, weights.n_cols),
        std::holds_alternative<double>(p.weights)
            ? std::string("one number: it is one-to-one")
            : fmt::format("{}x{} (units of {} x units of {})", target.units, source.units, target.name, source.name));
  }
  const std::size_t stride = padded(target.units);
  State& packed = weights_[projection];
  // a trial hands over all weights, of which few have changed: those of feedback hardly ever
  if (packed.size() == stride * source.units && are_same(weights, packed.data(), stride)) return;
  by_rows_is_current_[projection] = false;
  packed.resize(stride * source.units);
  for (std::size_t j = 0; j < source.units; ++j) copy(weights.colptr(j), target.units, packed.data() + j * stride);
}

void RightHandSide::set_scale(ProjectionIndex projection, double scale) {
  const auto& p = circuit_.projections()[projection];
  if (!std::holds_alternative<double>(p.weights)) {
    throw ValueError(fmt::format("projection \"{}\"", p.name), "has a weight matrix", "a one-to-one projection");
  }
  scales_[projection] = scale;
}

arma::mat RightHandSide::weights(ProjectionIndex projection) const {
  const auto& p = circuit_.projections()[projection];
  const std::size_t rows = target_of(projection).units;
  const std::size_t columns = source_of(projection).units;
  if (std::holds_alternative<double>(p.weights)) return scales_[projection] * arma::eye(rows, columns);
  return to_matrix({weights_[projection].data(), rows, columns, padded(rows)});
}

ConstMatrixView RightHandSide::weights_view(ProjectionIndex projection) const {
  const auto& p = circuit_.projections()[projection];
  if (std::holds_alternative<double>(p.weights)) {
    throw ValueError(fmt::format("projection \"{}\"", p.name), "is one-to-one", "a projection with a weight matrix");
  }
  const std::size_t rows = target_of(projection).units;
  return {weights_[projection].data(), rows, source_of(projection).units, padded(rows)};
}

ConstMatrixView RightHandSide::gain(ProjectionIndex projection) const {
  const auto& p = circuit_.projections()[projection];
  if (p.transmits != Transmit::gain || p.follows) {
    throw ValueError(fmt::format("projection \"{}\"", p.name), "has no separate gain",
                     "a projection that transmits a gain which follows no population");
  }
  return {gains_[projection].data(), source_of(projection).units, layout_.columns(), gain_stride(projection)};
}

MatrixView RightHandSide::gain(ProjectionIndex projection) {
  const ConstMatrixView view = std::as_const(*this).gain(projection);
  return {gains_[projection].data(), view.units, view.columns, view.stride};
}

void RightHandSide::set_drive(PopulationIndex population, Drive drive) { drives_[population] = std::move(drive); }

bool RightHandSide::has_drives() const {
  return std::ranges::any_of(drives_, [](const Drive& d) { return static_cast<bool>(d); });
}

RightHandSide::Transmission RightHandSide::signal_of(ProjectionIndex k) const {
  const auto& p = circuit_.projections()[k];
  return {.population = p.source,
          .transmits = p.transmits,
          .follows = p.follows,
          .gain = gains_[k].empty() ? nullptr : gains_[k].data()};
}

RightHandSide::Transmission RightHandSide::signal_of(const Factor& factor) {
  return {.population = factor.population, .transmits = factor.transmits, .follows = factor.follows};
}

void RightHandSide::value_of(const Transmission& signal, const State& x, std::size_t column, double* f) const {
  const std::size_t stride = layout_.stride(signal.population);
  const std::size_t units = layout_.units(signal.population);
  const double* source = x.data() + layout_.offset(signal.population) + column * stride;
  switch (signal.transmits) {
    case Transmit::state:
      std::copy_n(source, units, f);
      return;
    case Transmit::rate:
      rates_[signal.population]->value(source, f, units);
      return;
    case Transmit::gain:
      break;
  }
  if (!signal.follows) {
    const double* gain = signal.gain + column * stride;
    for (std::size_t i = 0; i < units; ++i) f[i] = gain[i] * source[i];
    return;
  }
  const PopulationIndex leader = signal.follows->population;
  rates_[leader]->derivative(x.data() + layout_.offset(leader) + column * stride, f, units);
  for (std::size_t i = 0; i < units; ++i) f[i] = signal.follows->reciprocal ? source[i] / f[i] : source[i] * f[i];
}

arma::vec RightHandSide::transmitted(ProjectionIndex projection, const State& x, std::size_t column) {
  arma::vec f(source_of(projection).units, arma::fill::none);
  value_of(signal_of(projection), x, column, f.memptr());
  return f;
}

void RightHandSide::transmit(ProjectionIndex k, const State& x) {
  const Transmission signal = signal_of(k);
  const std::size_t stride = layout_.stride(signal.population);
  if (signal.transmits == Transmit::state) {
    std::copy_n(x.data() + layout_.offset(signal.population), stride * layout_.columns(), scratch_[k].data());
    return;
  }
  if (signal.transmits == Transmit::rate && rates_padded_[signal.population]) {
    // all columns in whole registers: g(0) = 0 leaves the padding as it is
    rates_[signal.population]->value(x.data() + layout_.offset(signal.population), scratch_[k].data(),
                                     stride * layout_.columns());
    return;
  }
  for (std::size_t c = 0; c < layout_.columns(); ++c) value_of(signal, x, c, scratch_[k].data() + c * stride);
}

void RightHandSide::prepare(Job& job, PopulationIndex p, const State& x, double* out, double keep, double dt,
                            const Carriers* in_place) {
  const auto carrier = [&](PopulationIndex source) {
    return in_place != nullptr ? (*in_place)[source] : std::optional<ProjectionIndex>();
  };
  job.terms.clear();
  job.computed.clear();
  job.products.clear();
  job.row_products.clear();
  for (const ProjectionIndex k : incoming_[p]) {
    const auto& projection = circuit_.projections()[k];
    AffineTerm term{.source_stride = layout_.stride(projection.source)};
    // in place, the kernel must not read what it is writing
    if (projection.transmits == Transmit::state && !(in_place != nullptr && projection.source == p)) {
      term.source = x.data() + layout_.offset(projection.source);
    } else if (const auto carried = carrier(projection.source);
               carried && projection.transmits == Transmit::rate && projection.source != p) {
      term.source = scratch_[*carried].data();
    } else {
      term.source = scratch_[k].data();
      job.computed.push_back(k);
    }
    if (std::holds_alternative<double>(projection.weights)) {
      term.scale = scales_[k];
    } else if (const std::size_t inputs = layout_.units(projection.source); for_rows_[k]) {
      size_product(k);
      // what a carrier brings is there already
      if (carrier(projection.source) != k) job.row_products.push_back(row_product(k, term.source));
      term = {.source = products_[k].data(), .source_stride = layout_.stride(p)};
    } else if (is_for_blas(layout_.units(p), inputs, layout_.columns())) {
      job.products.push_back({k, {term.source, inputs, layout_.columns(), term.source_stride}});
      size_product(k);
      term = {.source = products_[k].data(), .source_stride = layout_.stride(p)};
    } else {
      term.weights = weights_[k].data();
      term.inputs = inputs;
    }
    job.terms.push_back(term);
  }
  job.rate.resize(layout_.columns());
  const Population& population = circuit_.populations()[p];
  const auto rate = [&](std::size_t c) {
    if (population.clamped) return 0.0;
    return population.algebraic ? 1.0 : dt / tau_[p][c];
  };
  for (std::size_t c = 0; c < job.rate.size(); ++c) job.rate[c] = rate(c);
  job.update = {.terms = job.terms.data(),
                .term_count = job.terms.size(),
                .units = layout_.units(p),
                .stride = layout_.stride(p),
                .columns = layout_.columns(),
                .input = inputs_.data() + layout_.offset(p),
                .state = x.data() + layout_.offset(p),
                .out = out,
                .keep = population.algebraic ? 0.0 : keep,
                .rate = job.rate.data(),
                .leak = leak_[p].data()};
}

void RightHandSide::evaluate(const Job& job, PopulationIndex p, const State& x, double t) {
  if (drives_[p]) drives_[p](t, columns_, input(p));
  for (const ProjectionIndex k : job.computed) transmit(k, x);
  for (const Product& product : job.products) {
    multiply(weights_view(product.projection), product.f,
             {products_[product.projection].data(), layout_.units(p), layout_.columns(), layout_.stride(p)});
  }
  for (const RowProduct& product : job.row_products) kernels_->rows(product);
  kernels_->affine(&job.update, 1, 1);
}

void RightHandSide::evaluate_signal(PopulationIndex p, State& x) {
  const Signal& signal = *circuit_.populations()[p].signal;
  arguments_.clear();
  for (const PopulationIndex k : signal.arguments) arguments_.push_back(layout_.view(std::span<const double>(x), k));
  signal.value(arguments_, layout_.view(std::span<double>(x), p));
}

void RightHandSide::complete(State& x, double t) {
  if (!has_algebraic_) return;
  take_weights(x);
  if (circles_.empty())
    evaluate_algebraic(x, t);
  else
    solve_circles(x, t);
}

void RightHandSide::evaluate_algebraic(State& x, double t) {
  for (PopulationIndex p = 0; p < populations(); ++p) {
    if (!circuit_.populations()[p].algebraic) continue;
    if (circuit_.populations()[p].signal) {
      evaluate_signal(p, x);
      continue;
    }
    prepare(jobs_[p], p, x, x.data() + layout_.offset(p), 0.0, 1.0, nullptr);
    evaluate(jobs_[p], p, x, t);
  }
}

void RightHandSide::operator()(const State& x, State& dxdt, double t) {
  const State* now = &x;
  if (has_algebraic_) {
    completed_.assign(x.begin(), x.end());
    take_weights(completed_);
    complete_and_keep(completed_, t);
    now = &completed_;
  } else {
    take_weights(x);
  }
  for (PopulationIndex p = 0; p < populations(); ++p) {
    double* out = dxdt.data() + layout_.offset(p);
    if (circuit_.populations()[p].algebraic) {
      std::fill_n(out, layout_.stride(p) * layout_.columns(), 0.0);
      continue;
    }
    prepare(jobs_[p], p, *now, out, 0.0, 1.0, nullptr);
    evaluate(jobs_[p], p, *now, t);
  }
  for (std::size_t i = 0; i < plasticity_.size(); ++i) {
    move_weights(i, *now, dxdt.data() + layout_.offset(populations() + i), 0.0, 1.0);
  }
}

}  // namespace dynvert
