#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/equations/hoist.hpp>
#include <dynvert/models/equations/names.hpp>
#include <dynvert/models/equations/product_items.hpp>
#include <dynvert/models/equations/sizes.hpp>
#include <dynvert/models/nearest_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace dynvert::equations {

namespace {

constexpr std::size_t max_phases = 1000;

class Expander {
 public:
  Expander(const CircuitText& text, const ExpandOptions& options)
      : text_(text),
        options_(options),
        substitution_(d_.parameters, options),
        names_(text, options, d_, substitution_) {}

  Description expand() {
    d_.title = text_.title;
    d_.algebraic_loop = text_.algebraic_loop;
    d_.weights = text_.weights;
    d_.sources = text_.sources;
    d_.update = text_.update;
    d_.updates = text_.updates;
    set_parameters();
    substitution_.write_out(text_.equations, {}, statements_);
    substitution_.write_out(text_.at_end, {}, rules_);
    for (Statement& s : statements_) finish(s);
    for (Statement& s : rules_) finish(s);
    write_phases();
    declare();
    hoist_all();
    for (const Statement& s : statements_) add_equation(s);
    for (const Statement& s : rules_) {
      if (s.type != Statement::Type::rule)
        fail(s.where, fmt::format("an equation of {} among the rules at the end", to_text(s.left)), "W += .., rules");
      add_rule(s, false);
    }
    order_populations();
    for (std::size_t i = 0; i < phases_.size(); ++i) add_phase(i);
    if (phases_.empty()) fill_only_phase();
    add_rest();
    order_matrices(d_);
    infer_sizes(d_, options_, sizes_);
    check(d_);
    return std::move(d_);
  }

 private:
  struct PhaseStatements {
    const PhaseText* text = nullptr;
    Substitution::Variables variables{};
    std::vector<Statement> set{}, equations{};
  };

  void set_parameters() {
    d_.parameters = text_.parameters;
    for (Parameter& p : d_.parameters)
      if (const ParameterValue* value = options_.parameters.find(p.name)) p.default_value = *value;
  }

  void finish(Statement& s) {
    s.tau = substitution_.with_functions(s.tau, s.where);
    s.right = substitution_.with_functions(s.right, s.where);
  }

  // --- populations ---------------------------------------------------------------------------------------------------

  [[nodiscard]] static bool is_equation(const Statement& s) {
    return s.type == Statement::Type::equation || s.type == Statement::Type::moving;
  }
  [[nodiscard]] bool is_rule(const Statement& s) const {
    return s.type == Statement::Type::moving && names_.is_matrix(s.left.name());
  }

  void use_tasks_populations() {
    std::set<std::string> used;
    const auto look = [&](const Expression& e) {
      visit(e, [&](const Expression& node) {
        if (node.is(Kind::name) && node.indices().empty()) used.insert(node.name());
        return true;
      });
    };
    for (const Statement& s : statements_) {
      look(s.right);
      look(s.tau);
    }
    for (const PhaseStatements& p : phases_) {
      for (const Statement& s : p.set) look(s.right);
      for (const Statement& s : p.equations) look(s.right);
    }
    for (const Statement& s : rules_) look(s.right);
    for (const InitialText& i : text_.initial) look(i.value);
    look(text_.readout.y);
    if (used.contains("input")) names_.declare_given("input", Population::Type::input);
    if (used.contains("target")) names_.declare_given("target", Population::Type::target);
  }

  void declare() {
    use_tasks_populations();
    for (const Keys& source : text_.sources) {
      const Statement s{.left = Expression::name(source.name), .where = source.where};
      names_.declare(s, Population::Type::source);
      if (const ParameterValue* amplitude = source.values.find("amplitude"))
        if (const auto* list = std::get_if<std::vector<double>>(amplitude); list != nullptr && list->size() > 1)
          sizes_[d_.populations.back().name] = list->size();
    }
    std::set<Name> equations;
    for (const Statement& s : statements_)
      if (is_equation(s) && !is_rule(s)) equations.insert(name_of(s.left));
    // what has no equation but in phases keeps its value in the others
    for (const PhaseStatements& p : phases_) {
      for (const auto* group : {&p.set, &p.equations})
        for (const Statement& s : *group) {
          const Name name = name_of(s.left);
          if (!equations.contains(name) && names_.find(name) == nullptr) names_.declare(s, Population::Type::kept);
        }
    }
    for (const Statement& s : statements_) {
      if (s.type == Statement::Type::rule)
        fail(s.where, "a rule among the equations", "tau_w dW/dt = .. here; W += .. in at_end of [learning]");
      if (is_equation(s) && !is_rule(s))
        names_.declare(s, s.type == Statement::Type::moving ? Population::Type::moving : Population::Type::algebraic);
    }
    for (const Statement& s : statements_) {
      if (s.type != Statement::Type::size) continue;
      const Name name = name_of(s.left);
      Population* own = names_.find(name);
      if (own == nullptr)
        fail({s.where.source, s.left.at()}, fmt::format("unknown name {}", name.in_equations()), "a population",
             names_.nearest(name));
      double units = 0;
      if (s.right.is(Kind::number))
        units = s.right.value();
      else
        units = names_.number(s.right, s.where);
      if (!(units >= 1 && units <= 1e8) || units != static_cast<double>(static_cast<std::size_t>(units)))
        fail({s.where.source, s.right.at()}, fmt::format("a size of {}", units), "a whole number from 1");
      own->size_given = true;
      visit(s.right, [&](const Expression& e) {
        if (e.is(Kind::name)) size_parameters_.insert(e.name());
        return true;
      });
      sizes_[name] = static_cast<std::size_t>(units);
    }
  }

  // --- functions of sums with matrix products ------------------------------------------------------------------------

  void hoist_all() {
    std::vector<Statement> result;
    for (Statement& s : statements_) {
      if (is_rule(s))
        hoist_of_rule(names_, s, result);
      else if (is_equation(s))
        hoist(names_, s, result);
      result.push_back(std::move(s));
    }
    statements_ = std::move(result);
    for (PhaseStatements& p : phases_)
      for (auto* group : {&p.set, &p.equations})
        for (Statement& s : *group) hoist(names_, s, statements_);
  }

  // --- equations -----------------------------------------------------------------------------------------------------

  void drop_biases(std::vector<Term>& terms) {
    if (options_.bias || names_.weights("b") != nullptr) return;
    const auto dropped = std::erase_if(terms, [](const Term& t) { return t.matrix && t.matrix->name.base == "b"; });
    if (dropped > 0) no_bias_ = true;
  }

  /// tau dx/dt = -leak x + terms + noise, or x = terms. A tau that is 0 makes the former the latter.
  /// @param of  a population, or what a phase gives of one
  template <typename Equation>
  void read_equation(const Statement& s, Equation& of) {
    const TermReader read = names_.reader(s.where);
    auto& tau = of.tau;
    auto& leak = of.leak;
    auto& terms = of.terms;
    terms = read.read(s.right);
    drop_biases(terms);
    of.noise = take_noise(terms);
    const auto refuse_noise = [&] {
      if (of.noise)
        fail({s.where.source, of.noise.at()}, fmt::format("noise in {}, which does not move", to_text(s.left)),
             "noise in an equation tau dx/dt = .. with tau > 0");
    };
    if (s.type == Statement::Type::equation) return refuse_noise();
    if (of.noise && names_.number_or(of.noise, s.where, 1) < 0)
      fail({s.where.source, of.noise.at()}, fmt::format("noise of a size below 0: {}", to_text(of.noise)),
           "at least 0");
    tau = s.tau ? s.tau : Expression::number(1, s.left.at());
    if (!read.is_number(tau))
      fail({s.where.source, tau.at()}, fmt::format("the time constant {} is no number", to_text(tau)),
           "numbers and parameters");
    const Expression taken = take_leak(terms, s.left);
    leak = taken ? taken : Expression::number(0);
    const double value = names_.number_or(tau, s.where, 1);
    if (value < 0) fail({s.where.source, tau.at()}, fmt::format("a time constant of {}", value), "at least 0");
    if (value > 0) return;
    refuse_noise();
    if (!taken || names_.number_or(leak, s.where, 1) == 0)
      fail({s.where.source, s.left.at()}, fmt::format("{} has the time constant 0 and no leak", to_text(s.left)),
           "a term - c*x on the right: with tau = 0 then x = (the rest)/c");
    for (Term& t : terms)
      if (!leak.is_number(1)) t.coefficient = scaled_by(t.coefficient, leak, true);
    tau = leak = Expression();
  }

  void add_equation(const Statement& s) {
    if (is_rule(s)) {
      add_rule(s, true);
      return;
    }
    if (!is_equation(s)) return;
    Population p = *names_.find(name_of(s.left));
    read_equation(s, p);
    p.type = p.tau ? Population::Type::moving : Population::Type::algebraic;
    ready_.push_back(std::move(p));
  }

  /// Those without an equation first, then in the order of the equations, drives before what they are of.
  void order_populations() {
    std::set<Name> done;
    for (const Population& p : ready_) done.insert(p.name);
    std::vector<Population> all;
    for (const Population& p : d_.populations)
      if (!done.contains(p.name)) all.push_back(p);
    std::ranges::move(ready_, std::back_inserter(all));
    names_.reset(std::move(all));
  }

  void add_rule(const Statement& statement, bool continuous) {
    Statement s = statement;
    const Where left{s.where.source, s.left.at()};
    const Name name = name_of(s.left);
    if (!names_.is_matrix(name.base)) {
      std::vector<std::string> known{"W", "b", "B"};
      for (const Keys& w : text_.weights) known.push_back(w.name);
      fail(left, fmt::format("a rule on {}, which is no matrix", name.in_equations()), listed(known),
           nearest_name(name.base, known));
    }
    if (names_.is_networks_bias(name.base) && !options_.bias) {
      no_bias_ = true;
      return;
    }
    static_cast<void>(names_.role(s.left, s.where));
    if (!continuous) {
      std::vector<Statement> made;
      hoist_of_rule(names_, s, made);
      for (const Statement& m : made) add_equation(m);
    }
    Rule rule{.matrix = name, .continuous = continuous, .where = s.where};
    const TermReader read = names_.reader(s.where);
    if (continuous) rule.tau = s.tau ? s.tau : Expression::number(1, s.left.at());
    if (continuous && !read.is_number(rule.tau))
      fail({s.where.source, rule.tau.at()}, "a time constant that is no number", "numbers and parameters");
    rule.terms = read.read_rule(s.right, name, continuous, rule.decay);
    for (const RuleTerm& t : rule.terms) check_phases(t);
    d_.rules.push_back(std::move(rule));
  }

  void check_phases(const RuleTerm& t) const {
    for (const std::string& phase : t.phases) names_.expect_phase(phase, t.where);
  }

  // --- phases --------------------------------------------------------------------------------------------------------

  void write_phases() {
    for (const PhaseText& p : text_.phases) {
      std::vector<Substitution::Variables> turns{{}};
      if (p.each) {
        turns.clear();
        for (const long l : substitution_.values(*p.each, p.where, {})) turns.push_back({{p.each->variable, l}});
      }
      for (const auto& variables : turns) {
        if (p.when && !substitution_.holds(*p.when, p.where, variables)) continue;
        PhaseStatements statements{.text = &p, .variables = variables};
        substitution_.write_out(p.set, variables, statements.set);
        substitution_.write_out(p.equations, variables, statements.equations);
        for (auto* group : {&statements.set, &statements.equations})
          for (Statement& s : *group) {
            finish(s);
            if (!is_equation(s) || names_.is_matrix(s.left.name()))
              fail(s.where, fmt::format("{} in a phase", to_text(s.left)), "x = .. of a population");
          }
        for (const Statement& s : statements.set)
          if (s.type != Statement::Type::equation) fail(s.where, "set moves nothing", "x = ..");
        Phase phase{.name = substitution_.filled(p.name, p.where, variables), .where = p.where};
        if (std::ranges::find(d_.phases, phase.name, &Phase::name) != d_.phases.end())
          fail(p.where, fmt::format("two phases \"{}\"", phase.name), "a name for each; {l} in it is the number");
        if (phase.name.empty() || phase.name == "initial")
          fail(p.where, fmt::format("a phase \"{}\"", phase.name), "another name");
        d_.phases.push_back(phase);
        phases_.push_back(std::move(statements));
        if (phases_.size() > max_phases) fail(p.where, "too many phases", fmt::format("{}", max_phases));
      }
    }
    if (phases_.empty()) d_.phases.push_back({.name = "trial"});
  }

  std::vector<Given> givens(const std::vector<Statement>& statements) {
    std::vector<Given> result;
    std::set<Name> seen;
    for (const Statement& s : statements) {
      Given given{.population = name_of(s.left), .where = s.where};
      if (!seen.insert(given.population).second)
        fail(s.where, fmt::format("{} twice in a phase", to_text(s.left)), "once");
      const Population::Type type = names_.find(given.population)->type;
      if (type == Population::Type::input || type == Population::Type::target || type == Population::Type::source)
        fail(s.where, fmt::format("{} is given from outside", to_text(s.left)), "a population with an equation");
      read_equation(s, given);
      result.push_back(std::move(given));
    }
    return result;
  }

  /// The one phase of a circuit that has none. Where nothing moves, it takes no time.
  void fill_only_phase() {
    Phase& phase = d_.phases.front();
    for (const Population& p : d_.populations)
      if (p.type == Population::Type::moving) phase.moves.push_back(p.name);
    for (const Rule& rule : d_.rules)
      if (rule.continuous && std::ranges::find(phase.learn, rule.matrix) == phase.learn.end())
        phase.learn.push_back(rule.matrix);
    const bool lasts = !phase.moves.empty() || !phase.learn.empty();
    phase.duration = lasts ? Expression::name("duration") : Expression::number(0);
  }

  Expression phase_number(const Expression& e, const PhaseText& text, const Substitution::Variables& variables) {
    if (!e) return e;
    const Expression number = substitution_.with_functions(substitution_.apply(e, text.where, variables), text.where);
    if (!names_.reader(text.where).is_number(number))
      fail(text.where, fmt::format("{} is no number", to_text(e)), "numbers, parameters, duration");
    return number;
  }

  void add_phase(std::size_t i) {
    const PhaseText& text = *phases_[i].text;
    const auto& variables = phases_[i].variables;
    Phase& phase = d_.phases[i];
    phase.begin = phase_number(text.begin, text, variables);
    phase.duration = phase_number(text.duration ? text.duration : Expression::name("duration"), text, variables);
    phase.until_settled = text.until_settled;
    phase.clock = text.clock;
    phase.from = text.from.empty() ? "" : substitution_.filled(text.from, text.where, variables);
    phase.during = text.during;
    phase.set = givens(phases_[i].set);
    phase.equations = givens(phases_[i].equations);
    phase.hold = names_.populations(text.hold, text.where, variables);
    if (text.moves) {
      phase.moves = names_.populations(*text.moves, text.where, variables);
    } else {
      for (const Population& p : d_.populations) {
        const auto given = std::ranges::find(phase.equations, p.name, &Given::population);
        const bool moves =
            given != phase.equations.end() ? static_cast<bool>(given->tau) : p.type == Population::Type::moving;
        const bool held = std::ranges::find(phase.hold, p.name) != phase.hold.end() ||
                          std::ranges::find(phase.set, p.name, &Given::population) != phase.set.end();
        if (moves && !held) phase.moves.push_back(p.name);
      }
    }
    for (const auto& [name, value] : text.parameters) {
      const Parameter* p = substitution_.parameter(name);
      if (p == nullptr || !std::holds_alternative<double>(p->default_value)) {
        std::vector<std::string> known;
        for (const Parameter& q : d_.parameters) known.push_back(q.name);
        fail(text.where, fmt::format("{} is no parameter that is a number", name), listed(known),
             nearest_name(name, known));
      }
      if (size_parameters_.contains(name))
        fail(text.where, fmt::format("{} gives a size, which no phase changes", name), "other parameters");
      phase.parameters.emplace_back(name, phase_number(value, text, variables));
    }
    std::set<Name> learn;
    if (text.learn)
      for (const Expression& pattern : *text.learn)
        for (const Name& name : substitution_.names(pattern, text.where, variables)) learn.insert(name);
    std::set<Name> rules;
    for (const Rule& rule : d_.rules) {
      if (!rule.continuous) continue;
      rules.insert(rule.matrix);
      const bool chosen = !text.learn || learn.contains(rule.matrix);
      if (chosen && std::ranges::find(phase.learn, rule.matrix) == phase.learn.end())
        phase.learn.push_back(rule.matrix);
    }
    for (const Name& name : learn)
      if (!rules.contains(name))
        fail(text.where, fmt::format("{} has no continuous rule", name.in_equations()),
             "matrices with tau_w dW/dt = ..");
  }

  // --- the rest ------------------------------------------------------------------------------------------------------

  void add_rest() {
    std::set<Name> set;
    for (const InitialText& i : text_.initial) {
      const auto names = names_.populations({i.name}, i.where, {});
      for (const Name& name : names) {
        const Population::Type type = names_.find(name)->type;
        if (type != Population::Type::moving && type != Population::Type::kept)
          fail(i.where, fmt::format("{} does not move: its equation gives its value", name.in_equations()),
               "populations that move");
        if (!set.insert(name).second) fail(i.where, fmt::format("{} starts twice", name.in_equations()), "once");
        Initial initial{name, {}, i.kind, i.values, i.where};
        if (i.value) {
          initial.value = substitution_.with_functions(substitution_.apply(i.value, i.where, {}), i.where);
          TermReader read = names_.reader(i.where);
          read.role = [this, where = i.where](const Expression& e) {
            const bool of_units = e.indices().empty() && (e.name() == "i" || e.name() == "n");
            return of_units ? Role::number : names_.role(e, where);
          };
          read.check_signal(initial.value);
        }
        d_.initial.push_back(std::move(initial));
      }
    }
    d_.carry_all = text_.trial.carry_all;
    d_.carry = names_.populations(text_.trial.carry, text_.trial.where, {});
    d_.carry_per = text_.trial.per;
    d_.carry_after = text_.trial.after;
    d_.carry_where = text_.trial.where;
    if (!d_.carry_after.empty()) names_.expect_phase(d_.carry_after, text_.trial.where);
    d_.readout = text_.readout;
    if (d_.readout.y) {
      d_.readout.y =
          substitution_.with_functions(substitution_.apply(d_.readout.y, d_.readout.where, {}), d_.readout.where);
      names_.reader(d_.readout.where).check_signal(d_.readout.y);
    }
    if (!d_.readout.phase.empty()) names_.expect_phase(d_.readout.phase, d_.readout.where);
    for (const auto& [role_name, patterns] : text_.roles)
      d_.roles.emplace_back(role_name, names_.populations(patterns, {}, {}));
    for (const auto& update : text_.updates)
      if (std::ranges::none_of(d_.rules, [&](const Rule& r) { return r.matrix.base == update.first; }))
        d_.notes.push_back(fmt::format("[learning.{}] is not used", update.first));
    for (const Keys& weights : text_.weights) {
      const bool used = std::ranges::any_of(d_.matrices, [&](const Matrix& m) { return m.name.base == weights.name; });
      if (!used) d_.notes.push_back(fmt::format("[weights.{}] is not used", weights.name));
    }
    if (no_bias_) d_.notes.emplace_back("the network has no b: terms and rules with it are left out");
  }

  const CircuitText& text_;
  const ExpandOptions& options_;
  Description d_;
  Substitution substitution_;
  NameTable names_;
  std::vector<Statement> statements_, rules_;
  std::vector<Population> ready_;  // whose equations are read
  std::vector<PhaseStatements> phases_;
  std::map<Name, std::size_t> sizes_;  // that the text gives
  std::set<std::string> size_parameters_;
  bool no_bias_ = false;
};

}  // namespace

Description expand(const CircuitText& circuit, const ExpandOptions& options) {
  return Expander(circuit, options).expand();
}

}  // namespace dynvert::equations
