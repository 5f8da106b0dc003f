#include <dynvert/models/circuit/circuit.hpp>
#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dynvert {

namespace {

/// A gain needs the slope of an elementwise function.
void check_slope(const std::string& object, const Population& leader) {
  if (rate_function(leader.rate).elementwise) return;
  throw ValueError(object, fmt::format("follows the slope of {}, whose rate function is {}", leader.name, leader.rate),
                   "an elementwise rate function");
}

}  // namespace

std::span<const std::string_view> role_names() {
  static constexpr std::array<std::string_view, 6> names{"input", "target",     "forward",
                                                         "error", "controller", "auxiliary"};
  return names;
}

PopulationIndex Circuit::add(Population population) {
  const auto object = fmt::format("population \"{}\"", population.name);
  if (population.name.empty()) throw ValueError("population", "has no name", "a name, unique in its circuit");
  if (std::ranges::find(populations_, population.name, &Population::name) != populations_.end()) {
    throw ValueError(object, "the name is taken", "a name, unique in its circuit");
  }
  if (population.units == 0) throw ValueError(object, "has no units", "at least 1");
  if (!(population.tau > 0) || !std::isfinite(population.tau)) {
    throw ValueError(object, fmt::format("tau = {}", population.tau), "a positive, finite number");
  }
  if (!(population.leak >= 0) || !std::isfinite(population.leak)) {
    throw ValueError(object, fmt::format("leak = {}", population.leak), "a finite number >= 0");
  }
  if (!(population.noise >= 0) || !std::isfinite(population.noise)) {
    throw ValueError(object, fmt::format("noise = {}", population.noise), "a finite number >= 0");
  }
  if (population.noise > 0 && !population.moves())
    throw ValueError(object, "has noise and no differential equation", "noise of a population that moves");
  static_cast<void>(rate_function(population.rate));
  if (population.clamped && population.algebraic)
    throw ValueError(object, "is clamped and algebraic", "one of the two");
  if (population.signal) {
    if (!population.algebraic) throw ValueError(object, "is a signal and not algebraic", "an algebraic population");
    for (const PopulationIndex p : population.signal->arguments) {
      if (p >= populations_.size())
        throw ValueError(object, fmt::format("is a signal of population {}, which does not come before it", p),
                         "populations that were added before");
    }
  }
  populations_.push_back(std::move(population));
  return populations_.size() - 1;
}

ProjectionIndex Circuit::add(Projection projection) {
  const auto object = fmt::format("projection \"{}\"", projection.name);
  const auto check = [&](PopulationIndex p, std::string_view role) {
    if (p < populations_.size()) return;
    throw ValueError(object, fmt::format("{} is population {}", role, p),
                     fmt::format("0 to {}", static_cast<long>(populations_.size()) - 1));
  };
  check(projection.source, "source");
  check(projection.target, "target");
  const Population& source = populations_[projection.source];
  const Population& target = populations_[projection.target];
  if (target.clamped)
    throw ValueError(object, fmt::format("projects to {}, which is clamped", target.name),
                     "a population that is not clamped");
  if (target.signal)
    throw ValueError(object, fmt::format("projects to {}, which is a signal", target.name), "another population");
  const auto comes_before = [&](PopulationIndex p) { return !populations_[p].algebraic || p < projection.target; };
  if (target.algebraic &&
      (!comes_before(projection.source) || (projection.follows && !comes_before(projection.follows->population))))
    throw ValueError(object, fmt::format("{} is algebraic and does not come before {}", source.name, target.name),
                     "algebraic populations in the order of dependence");
  if (const auto* matrix = std::get_if<arma::mat>(&projection.weights)) {
    if (matrix->n_rows != target.units || matrix->n_cols != source.units) {
      throw ValueError(
          object, fmt::format("weights are {}x{}", matrix->n_rows, matrix->n_cols),
          fmt::format("{}x{} (units of {} x units of {})", target.units, source.units, target.name, source.name));
    }
    if (!matrix->is_finite()) throw ValueError(object, "weights hold NaN or infinity", "finite numbers");
  } else {
    const double scale = std::get<double>(projection.weights);
    if (target.units != source.units) {
      throw ValueError(object, fmt::format("is one-to-one from {} to {} units", source.units, target.units),
                       "populations of one size, or a weight matrix");
    }
    if (!std::isfinite(scale)) throw ValueError(object, fmt::format("weight is {}", scale), "a finite number");
  }
  if (projection.follows) {
    check(projection.follows->population, "gain follows");
    const Population& leader = populations_[projection.follows->population];
    if (projection.transmits != Transmit::gain || leader.units != source.units) {
      throw ValueError(object, fmt::format("a gain that follows {} ({} units)", leader.name, leader.units),
                       fmt::format("transmits a gain, of a population with {} units", source.units));
    }
    check_slope(object, leader);
  }
  projections_.push_back(std::move(projection));
  return projections_.size() - 1;
}

void Circuit::add(Plasticity plasticity) {
  const std::string what = "plasticity";
  if (plasticity.uses.empty()) throw ValueError(what, "of no projection", "a projection of the circuit");
  for (const WeightUse& use : plasticity.uses) {
    if (use.projection >= projections_.size())
      throw ValueError(what, fmt::format("of projection {}", use.projection), "a projection of the circuit");
  }
  const auto object = fmt::format("plasticity of \"{}\"", projections_[plasticity.uses.front().projection].name);
  const std::size_t rows = populations_[rows_of(plasticity)].units;
  const std::size_t columns = populations_[columns_of(plasticity)].units;
  for (const WeightUse& of : plasticity.uses) {
    const ProjectionIndex k = of.projection;
    const bool transposed = of.transposed;
    const Projection& projection = projections_[k];
    if (std::holds_alternative<double>(projection.weights)) {
      throw ValueError(object, "the projection is one-to-one", "a projection with a weight matrix");
    }
    const auto uses_it = [&](const WeightUse& use) { return use.projection == k; };
    const bool twice = std::ranges::count_if(plasticity.uses, uses_it) > 1;
    const auto plastic = [&](const Plasticity& p) { return std::ranges::any_of(p.uses, uses_it); };
    if (twice || std::ranges::any_of(plasticity_, plastic)) {
      throw ValueError(object, "the projection is plastic already", "one rule per projection");
    }
    const std::size_t targets = populations_[projection.target].units, sources = populations_[projection.source].units;
    if (targets != (transposed ? columns : rows) || sources != (transposed ? rows : columns)) {
      throw ValueError(object, fmt::format("shared with \"{}\", which has another shape", projection.name),
                       "projections of one shape");
    }
  }
  if (!(plasticity.tau > 0) || !std::isfinite(plasticity.tau)) {
    throw ValueError(object, fmt::format("tau = {}", plasticity.tau), "a positive, finite number");
  }
  if (!std::isfinite(plasticity.rate) || !std::isfinite(plasticity.decay)) {
    throw ValueError(object, "rate or decay is not finite", "finite numbers");
  }
  if (!(plasticity.low <= plasticity.high)) {
    throw ValueError(object, fmt::format("bounds {} and {}", plasticity.low, plasticity.high), "low <= high");
  }
  const auto check = [&](const Factor& factor, std::size_t units) {
    const bool fits = factor.population < populations_.size() &&
                      (!factor.follows || factor.follows->population < populations_.size());
    if (!fits || populations_[factor.population].units != units ||
        (factor.follows && populations_[factor.follows->population].units != units)) {
      throw ValueError(object, "a factor of another size", fmt::format("a population of {} units", units));
    }
    if ((factor.transmits == Transmit::gain) != factor.follows.has_value()) {
      throw ValueError(object, "a gain without a population that it follows, or the other way round", "both or none");
    }
    if (factor.follows) check_slope(object, populations_[factor.follows->population]);
  };
  for (const PlasticProduct& product : plasticity.products) {
    for (const Factor& factor : product.post) check(factor, rows);
    if (product.synapses)
      check({.population = *product.synapses}, rows * columns);
    else
      check(product.pre, columns);
  }
  plasticity_.push_back(std::move(plasticity));
}

PopulationIndex Circuit::rows_of(const Plasticity& plasticity) const {
  const WeightUse& first = plasticity.uses.front();
  return first.transposed ? projections_[first.projection].source : projections_[first.projection].target;
}

PopulationIndex Circuit::columns_of(const Plasticity& plasticity) const {
  const WeightUse& first = plasticity.uses.front();
  return first.transposed ? projections_[first.projection].target : projections_[first.projection].source;
}

void Circuit::set_rate(PopulationIndex population, std::string_view rate) {
  populations_[population].rate = rate_function(rate).name;
}

void Circuit::set_stands_for(PopulationIndex p, StandsFor other) {
  Population& population = populations_[p];
  if (!population.clamped || populations_.at(other.population).units != population.units) {
    throw ValueError(fmt::format("population \"{}\"", population.name),
                     fmt::format("stands for {}", populations_[other.population].name),
                     "a clamped population for one of its size");
  }
  population.stands_for = other;
}

bool Circuit::looks_back() const {
  return std::ranges::any_of(populations_,
                             [](const Population& p) { return p.stands_for && !p.stands_for->same_time; });
}

bool Circuit::has_circles() const {
  return std::ranges::any_of(populations_, [](const Population& p) { return p.stands_for && p.stands_for->same_time; });
}

void Circuit::drop_weights() {
  for (Projection& p : projections_) {
    if (auto* matrix = std::get_if<arma::mat>(&p.weights)) matrix->reset();
  }
}

Circuit Circuit::without_plasticity() const {
  Circuit circuit = *this;
  circuit.plasticity_.clear();
  return circuit;
}

PopulationIndex Circuit::population(std::string_view name) const {
  const auto found = std::ranges::find(populations_, name, &Population::name);
  if (found != populations_.end()) return static_cast<PopulationIndex>(found - populations_.begin());
  std::vector<std::string> names;
  for (const auto& p : populations_) names.push_back(p.name);
  throw ValueError("circuit", fmt::format("has no population \"{}\"", name), fmt::format("{}", fmt::join(names, ", ")));
}

bool Circuit::has_noise() const {
  return std::ranges::any_of(populations_, [](const Population& p) { return p.noise > 0; });
}

bool Circuit::has_algebraic() const { return std::ranges::any_of(populations_, &Population::algebraic); }

bool Circuit::is_linear() const {
  const auto bends = [](const Population& p) { return p.signal && !p.signal->linear; };
  return plasticity_.empty() && std::ranges::none_of(populations_, bends) &&
         std::ranges::all_of(projections_, [&](const Projection& p) {
           switch (p.transmits) {
             case Transmit::state:
               return true;
             case Transmit::rate:
               return rate_function(populations_[p.source].rate).linear;
             case Transmit::gain:
               return !p.follows || rate_function(populations_[p.follows->population].rate).linear;
           }
           return false;
         });
}

}  // namespace dynvert
