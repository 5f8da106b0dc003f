// What a description needs before an engine takes it: orders of evaluation, and phases that go together.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/equations/function.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace dynvert::equations {

namespace {

constexpr std::size_t max_work = 4'000'000;  // phases times populations

bool holds(const std::vector<Name>& names, const Name& name) { return std::ranges::find(names, name) != names.end(); }

const Given* given_in(const std::vector<Given>& givens, const Name& name) {
  const auto found = std::ranges::find(givens, name, &Given::population);
  return found == givens.end() ? nullptr : &*found;
}

/// The populations whose present values an equation needs; last(x) is none of them.
void collect_names(const Expression& e, std::vector<Name>& names) {
  visit(e, [&](const Expression& node) {
    if (node.is(Kind::call) && node.name() == "last") return false;
    if (!node.is(Kind::name)) return true;
    names.push_back(name_of(node));
    return false;
  });
}

/// Algebraic and given populations of a phase, each after what it depends on.
class Order {
 public:
  Order(const Description& d, const Phase& phase) {
    for (const Population& p : d.populations) {
      const Given* given = given_in(phase.equations, p.name);
      const bool algebraic = given != nullptr ? !given->tau : p.type == Population::Type::algebraic;
      if (!algebraic) continue;
      index_[p.name] = nodes_.size();
      nodes_.push_back({p.name, given != nullptr ? given->where : p.where, {}});
      terms_.push_back(given != nullptr ? &given->terms : &p.terms);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<Name> names;
      for (const Term& t : *terms_[i]) {
        collect_names(t.signal, names);
        collect_names(t.factor, names);
      }
      for (const Name& name : names)
        if (const auto found = index_.find(name); found != index_.end()) nodes_[i].needs.push_back(found->second);
    }
  }

  std::vector<Name> run(const std::string& algebraic_loop) {
    std::vector<Name> order;
    if (algebraic_loop == "lag") {
      for (const Node& node : nodes_) order.push_back(node.name);
      return order;
    }
    enum class Mark { fresh, open, done };
    std::vector<Mark> marks(nodes_.size(), Mark::fresh);
    for (std::size_t start = 0; start < nodes_.size(); ++start) {
      if (marks[start] != Mark::fresh) continue;
      std::vector<std::pair<std::size_t, std::size_t>> path{{start, 0}};  // a node, and which of its needs is next
      marks[start] = Mark::open;
      while (!path.empty()) {
        auto& [node, next] = path.back();
        if (next == nodes_[node].needs.size()) {
          marks[node] = Mark::done;
          order.push_back(nodes_[node].name);
          path.pop_back();
          continue;
        }
        const std::size_t below = nodes_[node].needs[next++];
        if (marks[below] == Mark::open && algebraic_loop.empty()) fail_cycle(path, below);
        if (marks[below] != Mark::fresh) continue;
        marks[below] = Mark::open;
        path.emplace_back(below, 0);
      }
    }
    return order;
  }

 private:
  struct Node {
    Name name;
    Where where;
    std::vector<std::size_t> needs;
  };

  [[noreturn]] void fail_cycle(const std::vector<std::pair<std::size_t, std::size_t>>& path, std::size_t first) const {
    std::vector<std::string> names;
    bool inside = false;
    for (const auto& [node, next] : path) {
      inside = inside || node == first;
      if (inside) names.push_back(nodes_[node].name.in_equations());
    }
    names.push_back(nodes_[first].name.in_equations());
    fail(nodes_[first].where, fmt::format("algebraic populations in a circle: {}", fmt::join(names, " <- ")),
         "algebraic_loop = \"solve\" or \"lag\" in [circuit]; last(x) in place of x; or one that moves, tau dx/dt = -x "
         "+ ..");
  }

  std::vector<Node> nodes_;
  std::vector<const std::vector<Term>*> terms_;
  std::map<Name, std::size_t> index_;
};

/// Numbers of a phase. Of what only a run knows, as `duration`, any value serves to see what overlaps.
double number_in(const Description& d, const Phase& phase, const Expression& e, bool with_phase) {
  return evaluate_number(e, [&](const Expression& name) -> double {
    if (with_phase)
      for (const auto& [parameter, value] : phase.parameters)
        if (parameter == name.name()) return number_in(d, phase, value, false);
    if (name.name() == "pi") return 3.14159265358979323846;
    const auto p = std::ranges::find(d.parameters, name.name(), &Parameter::name);
    if (p == d.parameters.end()) return 1;
    if (const auto* whole = std::get_if<std::int64_t>(&p->default_value)) return static_cast<double>(*whole);
    const auto* real = std::get_if<double>(&p->default_value);
    return real != nullptr ? *real : 1;
  });
}

/// What is printed must be read again.
void check_size(const Expression& e, const Where& where) {
  if (e.size() > max_expression)
    fail(where, fmt::format("an equation of {} numbers, names and operators, written out", e.size()),
         fmt::format("at most {}: write auxiliary populations", max_expression));
}

void check_sizes(const Description& d) {
  for (const Population& p : d.populations) check_size(expression_of(p), p.where);
  for (const Rule& rule : d.rules) check_size(expression_of(rule), rule.where);
  for (const Phase& phase : d.phases)
    for (const auto* givens : {&phase.set, &phase.equations})
      for (const Given& g : *givens) check_size(expression_of(g), g.where);
}

using Populations = std::map<Name, const Population*>;

void check_moves(const Description& d, const Populations& populations, const Phase& phase) {
  const std::string which = fmt::format("phase \"{}\"", phase.name);
  for (const Name& name : phase.moves) {
    const Population& p = *populations.at(name);
    const Given* given = given_in(phase.equations, name);
    const std::string text = name.in_equations();
    if (holds(phase.hold, name) || given_in(phase.set, name) != nullptr)
      fail(phase.where, fmt::format("{} moves {} and holds it", which, text), "one of the two");
    if (given != nullptr && !given->tau)
      fail(given->where, fmt::format("{} moves {} and gives its value", which, text), "one of the two");
    if (given == nullptr && p.type != Population::Type::moving)
      fail(phase.where, fmt::format("{} moves {}, which has no equation d{}/dt", which, text, text),
           "populations that move: tau dx/dt = ..");
    const Expression& tau = given != nullptr ? given->tau : p.tau;
    if (!phase.parameters.empty() && number_in(d, phase, tau, true) <= 0)
      fail(phase.where, fmt::format("the parameters of {} make the time constant of {} zero", which, text),
           "another tau; tau = 0 for the whole circuit, or x = .. in the phase's equations");
  }
  const bool moves = !phase.moves.empty() || !phase.learn.empty();
  if (!moves && !phase.duration.is_number(0))
    fail(phase.where, fmt::format("{} lasts and moves nothing", which), "moves = [..], or duration = 0");
  if (phase.until_settled && !phase.learn.empty())
    fail(phase.where, fmt::format("{} ends when it has settled, while weights move", which),
         "until_settled, or continuous rules: learn = [] lets them rest");
}

void check_overlaps(const Description& d) {
  struct Interval {
    const Phase* phase;
    double begin, end;
  };
  std::map<std::string, std::vector<Interval>> clocks;
  for (const Phase& phase : d.phases) {
    auto& before = clocks[phase.clock];
    const double begin = phase.begin ? number_in(d, phase, phase.begin, true) : before.empty() ? 0 : before.back().end;
    const double end = begin + number_in(d, phase, phase.duration, true);
    for (const Interval& other : before) {
      if (std::max(begin, other.begin) >= std::min(end, other.end) || other.phase->during != phase.during) continue;
      for (const Name& name : phase.moves)
        if (holds(other.phase->moves, name))
          fail(phase.where,
               fmt::format("phases \"{}\" and \"{}\" overlap in time and both move {}", other.phase->name, phase.name,
                           name.in_equations()),
               "another begin, a clock of its own, or other populations");
    }
    before.push_back({&phase, begin, end});
  }
}

void check_update(const Description& d, const Rule& rule) {
  if (!rule.continuous) return;
  const ParameterValues update = d.update_of(rule);
  for (const Parameter& p : update_parameters()) {
    const ParameterValue* value = update.find(p.name);
    if (value == nullptr || *value == p.default_value || p.name == "bounds") continue;
    fail(rule.where, fmt::format("{} of a continuous rule", p.name), "rules at the end of a trial; bounds for both");
  }
}

/// Formulae of i, j and n; products of matrices that there are.
void check_weights(const Description& d, const Keys& weights) {
  const auto is_matrix = [&](const std::string& name) {
    return name == "W" || name == "b" || name == "B" ||
           std::ranges::find(d.weights, name, &Keys::name) != d.weights.end();
  };
  const auto is_number = [&](const std::string& name) {
    return name == "i" || name == "j" || name == "n" || name == "pi" ||
           std::ranges::find(d.parameters, name, &Parameter::name) != d.parameters.end();
  };
  const bool is_product_of_matrices = weights.kind == "product";
  visit(weights.expression, [&](const Expression& e) {
    const bool joins = e.is(Kind::multiply) || e.is(Kind::transpose) || e.is(Kind::negate) || e.is(Kind::number);
    const bool fits = is_product_of_matrices
                          ? joins || (e.is(Kind::name) && is_matrix(e.name()))
                          : !e.is(Kind::transpose) && !e.is(Kind::text) && (!e.is(Kind::name) || is_number(e.name()));
    if (!fits)
      fail(weights.where,
           fmt::format("{} in {} of [weights.{}]", to_text(e), to_text(weights.expression), weights.name),
           is_product_of_matrices ? "numbers, matrices M and M', *"
                                  : "the row i and the column j, from 1, the number of columns n, parameters, pi");
    return !e.is(Kind::name);
  });
}

}  // namespace

void check(Description& d) {
  for (const Keys& weights : d.weights)
    if (weights.expression) check_weights(d, weights);
  if (d.phases.size() * d.populations.size() > max_work)
    fail({}, fmt::format("{} phases of {} populations", d.phases.size(), d.populations.size()),
         fmt::format("a product of at most {}", max_work));
  check_sizes(d);
  Populations populations;
  for (const Population& p : d.populations) populations.emplace(p.name, &p);
  std::set<std::string> before{"initial"};
  for (Phase& phase : d.phases) {
    if (!phase.from.empty() && !before.contains(phase.from))
      fail(phase.where,
           fmt::format("phase \"{}\" starts from \"{}\", which is no phase before it", phase.name, phase.from),
           fmt::format("{}", fmt::join(before, ", ")));
    before.insert(phase.name);
    check_moves(d, populations, phase);
    phase.evaluation_order = Order(d, phase).run(d.algebraic_loop);
  }
  check_overlaps(d);
  for (const Rule& rule : d.rules) check_update(d, rule);
}

}  // namespace dynvert::equations
