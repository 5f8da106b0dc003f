// What a trial of a described circuit begins with: [initial], states that are drawn or carried over, and what follows
// from them.

#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/program/described_circuit.hpp>
#include <dynvert/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace dynvert {

using equations::Description;
using equations::Expression;
using equations::Kind;
using equations::Term;

namespace {

arma::vec constant_of(const Expression& e, std::size_t n, const CircuitPlan& plan) {
  arma::vec values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = equations::evaluate_number(e, [&](const Expression& name) {
      if (name.name() == "i") return static_cast<double>(i + 1);
      if (name.name() == "n") return static_cast<double>(n);
      return plan.number(name);
    });
  }
  return values;
}

/// The terms of an algebraic population in the first phase.
const std::vector<Term>& starting_terms(const Description& d, std::size_t p) {
  const equations::Population& population = d.populations[p];
  const equations::Given* replaced = d.phases.empty() ? nullptr : given_in(d.phases.front().equations, population.name);
  return replaced != nullptr && !replaced->tau ? replaced->terms : population.terms;
}

}  // namespace

/// Populations that have a value before the first phase, each after what it depends on.
void DescribedCircuit::find_initial() {
  const Description& d = plan_.description();
  std::vector<std::vector<Expression>> reads(d.populations.size());
  std::vector<std::optional<Initial>> all(d.populations.size());
  for (std::size_t p = 0; p < d.populations.size(); ++p) {
    const equations::Population& population = d.populations[p];
    const auto given = std::ranges::find(d.initial, population.name, &equations::Initial::name);
    Initial initial{.population = p};
    if (given != d.initial.end() && given->value) {
      bool is_signal = false;
      visit(given->value, [&](const Expression& e) {
        is_signal = is_signal || (e.is(Kind::name) && e.name() != "i" && e.name() != "n" && !plan_.is_number(e));
        return !e.is(Kind::name);
      });
      if (is_signal) {
        reads[p] = {given->value};
        initial.signal.emplace(given->value, plan_, nullptr);
      } else {
        initial.constant = constant_of(given->value, population.units, plan_);
      }
    } else if (given != d.initial.end()) {
      const auto value = [&](const char* key, double otherwise) {
        const ParameterValue* set = given->values.find(key);
        return set != nullptr ? std::get<double>(*set) : otherwise;
      };
      const double scale = value("scale", 1);
      if (given->kind == "uniform")
        initial.half_width = scale * value("half_width", 1);
      else
        initial.standard_deviation = scale * value("standard_deviation", 1);
      initial.constant.zeros(population.units);
      starts_alike_ = false;
    } else if (population.type == equations::Population::Type::algebraic) {
      // as in the first phase
      const equations::Phase* first = d.phases.empty() ? nullptr : &d.phases.front();
      const std::vector<Term>& terms = starting_terms(d, p);
      for (const Term& t : terms) reads[p].insert(reads[p].end(), {t.signal, t.factor});
      initial.sum.emplace(terms, population.units, plan_, first);
    } else if (population.type == equations::Population::Type::input ||
               population.type == equations::Population::Type::target) {
      continue;
    } else {
      initial.constant.zeros(population.units);
    }
    all[p] = std::move(initial);
  }
  // before the first step a state was what it is; what is algebraic was 0
  for (const CircuitPlan::Reference& r : plan_.references()) {
    if (r.same_time || d.populations[r.of].type == equations::Population::Type::algebraic) continue;
    reads[r.population] = {d.populations[r.of].name.expression()};
    all[r.population]->signal.emplace(reads[r.population].front(), plan_, nullptr);
  }
  if (const auto& forward = plan_.forward(); forward && forward->instantaneous) {
    for (std::size_t l = 0; l <= plan_.depth(); ++l) {
      // what the network's own pass gives
      all[forward->h[l]].reset();
      if (l > 0) all[forward->a[l]].reset();
    }
  }
  std::vector<int> marks(all.size(), 0);
  std::vector<std::pair<std::size_t, bool>> stack;
  for (std::size_t start = 0; start < all.size(); ++start) {
    stack.emplace_back(start, false);
    while (!stack.empty()) {
      const auto [p, done] = stack.back();
      stack.pop_back();
      if (done) {
        if (all[p]) initial_.push_back(std::move(*all[p]));
        continue;
      }
      if (marks[p] != 0) continue;
      marks[p] = 1;
      stack.emplace_back(p, true);
      if (!all[p]) continue;
      for (const Expression& e : reads[p])
        for_each_population(e, plan_, [&](std::size_t q) { stack.emplace_back(q, false); });
    }
  }
  if (!plan_.has_circles()) return;
  std::vector<CircuitPlan::Reference> circles;
  for (const CircuitPlan::Reference& r : plan_.references()) {
    if (r.same_time) circles.push_back(r);
  }
  start_circles_.emplace(circles);
  const equations::Phase* first = d.phases.empty() ? nullptr : &d.phases.front();
  for (const Initial& initial : initial_) {
    const std::size_t p = initial.population;
    if (initial.signal)
      start_circles_->add(p, std::vector<Term>{{.signal = reads[p].front()}}, plan_, nullptr);
    else if (initial.sum)
      start_circles_->add(p, starting_terms(d, p), plan_, first);
  }
}

/// Populations of [trial] carry: states, which equations do not give.
void DescribedCircuit::find_carried() {
  const Description& d = plan_.description();
  using Type = equations::Population::Type;
  for (std::size_t p = 0; p < d.populations.size(); ++p) {
    const equations::Population& population = d.populations[p];
    const bool named = std::ranges::find(d.carry, population.name) != d.carry.end();
    const bool has_state = population.type == Type::moving || population.type == Type::kept;
    if (named && !has_state)
      equations::fail(
          d.carry_where,
          fmt::format("[trial] carry: {} has no state, its equation gives its value", population.name.in_equations()),
          "populations that move, or \"all\"");
    if (named || (d.carry_all && has_state)) carried_.push_back(p);
  }
  if (carried_.empty()) return;
  starts_alike_ = false;
  for (Initial& initial : initial_) {
    const auto place = std::ranges::find(carried_, initial.population);
    if (place == carried_.end()) continue;
    initial.carried = static_cast<std::size_t>(place - carried_.begin());
    const bool stands_for_another = std::ranges::find(plan_.references(), initial.population,
                                                      &CircuitPlan::Reference::population) != plan_.references().end();
    if (start_circles_ && initial.signal && !stands_for_another)
      equations::fail(d.carry_where,
                      fmt::format("[trial] carry: {} begins at a signal, in a circuit with algebraic_loop = \"solve\"",
                                  d.populations[initial.population].name.in_equations()),
                      "a number or a formula of i and n in [initial]");
  }
  carried_after_ = d.carry_after;
  for (const equations::Phase& phase : d.phases) {
    if (phase.during != "evaluation" && d.carry_after.empty()) carried_after_ = phase.name;
    if (phase.during == "evaluation" && phase.name == d.carry_after)
      equations::fail(d.carry_where, fmt::format("[trial] after: phase \"{}\" is not run in learning", phase.name),
                      "phases with during = \"learning\" or \"both\"");
  }
}

void DescribedCircuit::carry(const Activity& activity, std::span<const std::size_t> places,
                             std::vector<arma::mat>& carried) const {
  const auto& ended = activity.values.ended;
  const auto at = ended.find(carried_after_);
  const std::vector<arma::mat>& values = at != ended.end() ? at->second : activity.values.now;
  for (std::size_t i = 0; i < carried_.size(); ++i) {
    for (std::size_t c = 0; c < places.size(); ++c) carried[i].col(places[c]) = values[carried_[i]].col(c);
  }
}

/// A stream for each column, so that it does not matter which columns are together.
arma::mat DescribedCircuit::drawn(const Initial& initial, const Beginning& beginning, std::size_t columns) const {
  const std::size_t units = units_[initial.population];
  const std::string name = plan_.description().populations[initial.population].name.in_files();
  arma::mat value(units, columns);
  for (std::size_t c = 0; c < columns; ++c) {
    const std::string purpose = beginning.evaluates
                                    ? fmt::format("initial {}, evaluation, sample {}", name, beginning.first_sample + c)
                                    : fmt::format("initial {}, trial {}, sample {}", name, beginning.trial, c);
    RandomStream random(plan_.run().seed, purpose);
    value.col(c) = initial.half_width != 0 ? random.uniform(units, 1, initial.half_width)
                                           : arma::mat(initial.standard_deviation * random.normal(units, 1));
  }
  return value;
}

void DescribedCircuit::start(const Network& network, Activity& activity, Credit& credit,
                             const Beginning& beginning) const {
  const Description& d = plan_.description();
  PopulationValues& values = activity.values;
  values.now.resize(units_.size());
  values.ended.clear();
  values.weights.clear();
  // those of rules, then that of the readout
  values.integrals.assign(averages_ + 1, arma::mat());
  values.durations.assign(averages_ + 1, 0.0);
  const std::size_t columns = activity.t.n_cols;
  const bool passed = plan_.forward() && plan_.forward()->instantaneous;
  for (std::size_t p = 0; p < units_.size(); ++p) {
    if (d.populations[p].type == equations::Population::Type::input)
      values.now[p] = passed ? activity.h[0] : activity.x;
    if (d.populations[p].type == equations::Population::Type::target) values.now[p] = activity.t;
  }
  if (passed) {
    const auto& forward = *plan_.forward();
    values.now[forward.h[0]] = activity.h[0];
    for (std::size_t l = 1; l <= plan_.depth(); ++l) {
      values.now[forward.a[l]] = activity.a[l];
      values.now[forward.h[l]] = activity.h[l];
    }
  }
  arma::mat value;
  for (const Initial& initial : initial_) {
    if (initial.sum)
      initial.sum->evaluate(network, values.now, columns, value);
    else if (initial.signal)
      initial.signal->evaluate(values.now, units_[initial.population], columns, value);
    else if (initial.half_width != 0 || initial.standard_deviation != 0)
      value = drawn(initial, beginning, columns);
    else
      value = arma::repmat(initial.constant, 1, columns);
    if (initial.carried && beginning.carried != nullptr) {
      const arma::mat& carried = (*beginning.carried)[*initial.carried];
      for (std::size_t c = 0; c < columns; ++c) {
        if (const std::size_t place = beginning.places[c]; !std::isnan(carried(0, place)))
          value.col(c) = carried.col(place);
      }
    }
    std::swap(values.now[initial.population], value);
  }
  if (start_circles_) start_circles_->solve(network, columns, values.now);
  if (!starts_alike_ ||
      std::ranges::any_of(plan_.description().phases, [](const auto& phase) { return phase.from == "initial"; }))
    values.ended["initial"] = values.now;
  credit.resize(plan_.depth() + 1);
  if (!passed) activity.e.reset();
  if (!readout_ && !plan_.forward() && !output_error_) {
    // the network's own forward pass is meant
    Activity pass;
    forward(network, activity.x, activity.t, pass);
    activity.e = std::move(pass.e);
  }
  publish(0, activity, credit);
}

}  // namespace dynvert
