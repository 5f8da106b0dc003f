#include <dynvert/models/circuit.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/rate_function.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

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
  static_cast<void>(rate_function(population.rate));
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
  }
  projections_.push_back(std::move(projection));
  return projections_.size() - 1;
}

PopulationIndex Circuit::population(std::string_view name) const {
  const auto found = std::ranges::find(populations_, name, &Population::name);
  if (found != populations_.end()) return static_cast<PopulationIndex>(found - populations_.begin());
  std::vector<std::string> names;
  for (const auto& p : populations_) names.push_back(p.name);
  throw ValueError("circuit", fmt::format("has no population \"{}\"", name), fmt::format("{}", fmt::join(names, ", ")));
}

bool Circuit::is_linear() const {
  return std::ranges::all_of(projections_, [&](const Projection& p) {
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
