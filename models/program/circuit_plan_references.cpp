// last(x), and references within circles of algebraic populations, as populations that stand for others.

#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/program/circuit_plan.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace dynvert {

using equations::Description;
using equations::Expression;
using equations::Given;
using equations::Kind;
using equations::Name;
using equations::Term;

namespace {

class StandIns {
 public:
  /// The name of the population that stands for another.
  Expression name_for(const Name& of, bool same_time) {
    // no name of an equation has a space
    const Name name{(same_time ? "same " : "last ") + of.base, of.indices};
    const auto known = std::ranges::find(all, name, &Entry::name);
    if (known == all.end()) all.push_back({name, of, same_time});
    return name.expression();
  }

  void replace_last(Expression& e) {
    e = transformed(e, [&](const Expression& node) {
      return node.is(Kind::call) && node.name() == "last" ? name_for(name_of(node.argument()), false) : node;
    });
  }
  void replace_last(std::vector<Term>& terms) {
    for (Term& t : terms) {
      replace_last(t.signal);
      replace_last(t.factor);
    }
  }

  /// The same terms with references to some populations replaced.
  std::vector<Term> replaced(std::vector<Term> terms, const std::set<Name>& which, bool same_time) {
    const auto replace = [&](const Expression& e) {
      return transformed(e, [&](const Expression& node) {
        return node.is(Kind::name) && which.contains(name_of(node)) ? name_for(name_of(node), same_time) : node;
      });
    };
    for (Term& t : terms) {
      t.signal = replace(t.signal);
      t.factor = replace(t.factor);
    }
    return terms;
  }

  struct Entry {
    Name name, of;
    bool same_time = false;
  };
  std::vector<Entry> all;
};

/// Whether a phase evaluates a population, rather than keeping what it was.
bool is_evaluated(const equations::Phase& phase, const Name& name) {
  return given_in(phase.set, name) == nullptr && std::ranges::find(phase.hold, name) == phase.hold.end();
}

}  // namespace

void CircuitPlan::find_references() {
  Description& d = description_;
  StandIns stand_ins;
  for (equations::Population& p : d.populations) stand_ins.replace_last(p.terms);
  for (equations::Phase& phase : d.phases)
    for (auto* givens : {&phase.set, &phase.equations})
      for (Given& g : *givens) stand_ins.replace_last(g.terms);
  for (equations::Rule& rule : d.rules) {
    for (equations::RuleTerm& t : rule.terms)
      for (Expression* e : {&t.post, &t.pre, &t.factor}) stand_ins.replace_last(*e);
  }
  if (d.readout.y) stand_ins.replace_last(d.readout.y);

  // a population's own equation in the phases that use it, each with the references that it makes there
  std::map<Name, std::vector<std::pair<equations::Phase*, std::vector<Term>>>> own;
  if (!d.algebraic_loop.empty()) {
    for (equations::Phase& phase : d.phases) {
      std::set<Name> later;
      for (const Name& name : phase.evaluation_order)
        if (is_evaluated(phase, name)) later.insert(name);
      for (const Name& name : phase.evaluation_order) {
        if (!is_evaluated(phase, name)) continue;
        const auto given = std::ranges::find(phase.equations, name, &Given::population);
        const bool is_given = given != phase.equations.end();
        auto& terms =
            is_given ? given->terms : std::ranges::find(d.populations, name, &equations::Population::name)->terms;
        auto with = stand_ins.replaced(terms, later, d.algebraic_loop == "solve");
        if (is_given)
          terms = std::move(with);
        else
          own[name].emplace_back(&phase, std::move(with));
        later.erase(name);
      }
    }
  }
  for (auto& [name, uses] : own) {
    equations::Population& p = *std::ranges::find(d.populations, name, &equations::Population::name);
    const std::vector<Term> first = uses.front().second;
    // where phases order it in different ways, those that do not follow the first say so themselves
    for (auto& [phase, terms] : uses)
      if (terms != first) phase->equations.push_back({.population = name, .terms = std::move(terms), .where = p.where});
    p.terms = first;
  }
  for (const StandIns::Entry& entry : stand_ins.all) {
    const auto of = std::ranges::find(d.populations, entry.of, &equations::Population::name);
    references_.push_back(
        {d.populations.size(), static_cast<std::size_t>(of - d.populations.begin()), entry.same_time});
    d.populations.push_back({.name = entry.name,
                             .type = equations::Population::Type::kept,
                             .units = of->units,
                             .size_given = true,
                             .where = of->where});
  }
}

bool CircuitPlan::has_circles() const { return std::ranges::any_of(references_, &Reference::same_time); }

}  // namespace dynvert
