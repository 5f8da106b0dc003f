#include <dynvert/models/program/phase_adjoint.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace dynvert {

using equations::Expression;
using equations::Given;
using equations::Kind;
using equations::Name;
using equations::Term;

namespace {

/// Marks the populations that terms read. @return those that were not marked
std::vector<std::size_t> mark_reads(std::span<const Term> terms, const CircuitPlan& plan, std::vector<bool>& marks) {
  std::vector<std::size_t> fresh;
  const auto mark = [&](std::size_t p) {
    if (!marks[p]) fresh.push_back(p);
    marks[p] = true;
  };
  for (const Term& t : terms) {
    for_each_population(t.signal, plan, mark);
    for_each_population(t.factor, plan, mark);
  }
  return fresh;
}

/// Marks what is needed for what is marked. @param terms  by population; nothing: it follows from no other
void close_over(const std::vector<std::span<const Term>>& terms, const CircuitPlan& plan, std::vector<bool>& marks) {
  std::vector<std::size_t> open;
  for (std::size_t p = 0; p < marks.size(); ++p) {
    if (marks[p]) open.push_back(p);
  }
  while (!open.empty()) {
    const std::size_t p = open.back();
    open.pop_back();
    const auto fresh = mark_reads(terms[p], plan, marks);
    open.insert(open.end(), fresh.begin(), fresh.end());
  }
}

}  // namespace

PhaseAdjoint::Evaluation PhaseAdjoint::evaluation(const CircuitPlan& plan, std::size_t p, std::span<const Term> terms,
                                                  const equations::Phase* phase) const {
  return {p, SumProgram(terms, plan.description().populations[p].units, plan, phase), SumAdjoint(terms, plan, phase)};
}

PhaseAdjoint::PhaseAdjoint(const CircuitPlan& plan, const equations::Phase& phase, std::vector<bool> needed,
                           bool settles)
    : needed_before_(needed.size()) {
  const equations::Description& d = plan.description();
  std::vector<std::span<const Term>> terms(needed.size());
  std::vector<bool> follows(needed.size()), moves(needed.size());
  for (const Name& name : phase.moves) moves[plan.population(name)] = true;
  for (std::size_t p = 0; p < needed.size(); ++p) {
    const equations::Population& population = d.populations[p];
    const Given* given = given_in(phase.equations, population.name);
    const bool kept = given_in(phase.set, population.name) != nullptr ||
                      std::ranges::find(phase.hold, population.name) != phase.hold.end();
    follows[p] = !kept && !moves[p] &&
                 (given != nullptr ? !given->tau : population.type == equations::Population::Type::algebraic);
    if (follows[p] || moves[p]) terms[p] = terms_in(d, phase, p);
  }
  close_over(terms, plan, needed);

  std::vector<bool> varies = moves;
  for (const Name& name : phase.evaluation_order) {
    const std::size_t p = plan.population(name);
    if (!follows[p]) continue;
    const auto reads_what_varies = [&](const Term& t) {
      bool found = false;
      for (const Expression* e : {&t.signal, &t.factor})
        for_each_population(*e, plan, [&](std::size_t q) { found = found || varies[q]; });
      return found;
    };
    varies[p] = std::ranges::any_of(terms[p], reads_what_varies);
    if (needed[p]) (varies[p] ? varying_ : resting_).push_back(evaluation(plan, p, terms[p], &phase));
  }
  for (const Name& name : phase.moves) {
    const std::size_t p = plan.population(name);
    if (!needed[p]) continue;
    const Given* given = given_in(phase.equations, name);
    const equations::Population& population = d.populations[p];
    moving_.push_back({.population = p,
                       .tau = plan.number(given != nullptr ? given->tau : population.tau, &phase),
                       .leak = plan.number(given != nullptr ? given->leak : population.leak, &phase),
                       .sum = SumProgram(terms[p], population.units, plan, &phase),
                       .adjoint = SumAdjoint(terms[p], plan, &phase)});
  }
  for (std::size_t p = 0; p < needed.size(); ++p) {
    if (!needed[p] || follows[p]) continue;
    const Given* set = given_in(phase.set, d.populations[p].name);
    if (set == nullptr) {
      needed_before_[p] = needed_before_[p] || !moves[p] || !settles;
      continue;
    }
    mark_reads(set->terms, plan, needed_before_);
    set_.push_back(evaluation(plan, p, set->terms, &phase));
  }
}

PhaseAdjoint::PhaseAdjoint(const CircuitPlan& plan, std::vector<bool> needed) : needed_before_(needed.size()) {
  const equations::Description& d = plan.description();
  std::vector<std::vector<Term>> own(needed.size());
  std::vector<std::span<const Term>> terms(needed.size());
  for (std::size_t p = 0; p < needed.size(); ++p) {
    const auto given = std::ranges::find(d.initial, d.populations[p].name, &equations::Initial::name);
    if (given != d.initial.end() && given->value) {
      bool is_signal = false;
      visit(given->value, [&](const Expression& e) {
        is_signal = is_signal || (e.is(Kind::name) && e.name() != "i" && e.name() != "n" && !plan.is_number(e));
        return !e.is(Kind::name);
      });
      if (is_signal) own[p] = {Term{.signal = given->value}};
      terms[p] = own[p];
    } else if (d.populations[p].type == equations::Population::Type::algebraic) {
      terms[p] = d.populations[p].terms;
    }
  }
  close_over(terms, plan, needed);
  std::vector<bool> done(needed.size());
  const std::function<void(std::size_t)> add = [&](std::size_t p) {
    if (done[p]) return;
    done[p] = true;
    for (const Term& t : terms[p]) {
      for_each_population(t.signal, plan, add);
      for_each_population(t.factor, plan, add);
    }
    if (!terms[p].empty()) resting_.push_back(evaluation(plan, p, terms[p], nullptr));
  };
  for (std::size_t p = 0; p < needed.size(); ++p) {
    if (needed[p]) add(p);
  }
}

void PhaseAdjoint::open(const Network& network, std::vector<arma::mat>& values) const {
  const std::size_t columns = values.front().n_cols;
  // what is set reads the values before, all of them before any is set
  std::vector<arma::mat> set(set_.size());
  for (std::size_t i = 0; i < set_.size(); ++i) set_[i].sum.evaluate(network, values, columns, set[i]);
  for (std::size_t i = 0; i < set_.size(); ++i) values[set_[i].population] = std::move(set[i]);
  arma::mat value;
  for (const Evaluation& e : resting_) {
    e.sum.evaluate(network, values, columns, value);
    std::swap(values[e.population], value);
  }
}

void PhaseAdjoint::evaluate(const Network& network, std::vector<arma::mat>& values) const {
  arma::mat value;
  for (const Evaluation& e : varying_) {
    e.sum.evaluate(network, values, values.front().n_cols, value);
    std::swap(values[e.population], value);
  }
}

arma::mat PhaseAdjoint::slope(const Network& network, std::span<const arma::mat> values, std::size_t i) const {
  const Moving& m = moving_[i];
  arma::mat f;
  m.sum.evaluate(network, values, values.front().n_cols, f);
  f -= m.leak * values[m.population];
  return f;
}

void PhaseAdjoint::back_slope(const Network& network, std::span<const arma::mat> values, std::size_t i,
                              const arma::mat& y, Adjoints& adjoints) const {
  const Moving& m = moving_[i];
  m.adjoint.add(network, values, y, adjoints);
  if (m.leak != 0) add_to(adjoints.populations[m.population], arma::mat(-m.leak * y));
}

void PhaseAdjoint::back(const std::vector<Evaluation>& list, const Network& network, std::span<const arma::mat> values,
                        Adjoints& adjoints) {
  for (auto e = list.rbegin(); e != list.rend(); ++e) {
    const arma::mat y = std::exchange(adjoints.populations[e->population], arma::mat());
    if (!y.is_empty()) e->adjoint.add(network, values, y, adjoints);
  }
}

void PhaseAdjoint::back_evaluate(const Network& network, std::span<const arma::mat> values, Adjoints& adjoints) const {
  back(varying_, network, values, adjoints);
}

void PhaseAdjoint::back_open(const Network& network, std::span<const arma::mat> values,
                             std::span<const arma::mat> before, Adjoints& adjoints) const {
  back(resting_, network, values, adjoints);
  // all that is set is taken before any of it is passed on
  std::vector<arma::mat> set;
  for (const Evaluation& e : set_) set.push_back(std::exchange(adjoints.populations[e.population], arma::mat()));
  for (std::size_t i = 0; i < set_.size(); ++i) {
    if (!set[i].is_empty()) set_[i].adjoint.add(network, before, set[i], adjoints);
  }
}

}  // namespace dynvert
