#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/equations/source.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/program/circuit_plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numbers>

namespace dynvert {

using equations::Description;
using equations::Expression;
using equations::Given;
using equations::Keys;
using equations::Kind;
using equations::Matrix;
using equations::Name;
using equations::Rule;
using equations::RuleTerm;
using equations::Term;
using equations::Where;

namespace {

constexpr std::array<std::string_view, 5> run_names{"eta", "lambda", "batch", "duration", "dt"};

/// The kind of weights that a matrix has by [weights.NAME]; empty: it has no table.
std::string_view kind_of_weights(const Description& d, const std::string& base) {
  const auto found = std::ranges::find(d.weights, base, &Keys::name);
  return found == d.weights.end() ? std::string_view() : std::string_view(found->kind);
}

bool is_networks(const Description& d, const std::string& base) {
  const std::string_view kind = kind_of_weights(d, base);
  return (base == "W" || base == "b") && (kind.empty() || kind == "network");
}

bool is_feedbacks(const Description& d, const std::string& base) {
  const std::string_view kind = kind_of_weights(d, base);
  return kind == "feedback" || (base == "B" && kind.empty());
}

template <typename AnyNetwork>
auto& matrix_at(const MatrixPlace& place, AnyNetwork& network) {
  switch (place.in) {
    case MatrixPlace::In::weights:
      return network.W[place.number];
    case MatrixPlace::In::bias:
      // a column is a matrix, too
      return static_cast<decltype(network.W[0])>(network.b[place.number]);
    case MatrixPlace::In::others:
      break;
  }
  return network.others[place.number];
}

}  // namespace

const arma::mat& MatrixPlace::of(const Network& network) const { return matrix_at(*this, network); }
arma::mat& MatrixPlace::of(Network& network) const { return matrix_at(*this, network); }

CircuitPlan::CircuitPlan(Description description, const Network& network, const RunNumbers& run)
    : description_(std::move(description)), run_(run), depth_(network.depth()) {
  find_references();
  find_low_passes();
  for (std::size_t p = 0; p < description_.populations.size(); ++p)
    population_numbers_.emplace(description_.populations[p].name, p);
  for (std::size_t m = 0; m < description_.matrices.size(); ++m)
    matrix_numbers_.emplace(description_.matrices[m].name, m);
  refuse();
  refuse_by_solver();
  find_places();
  find_layers(network);
  find_forward(network);
  find_credit();
  find_feedback();
}

/// What descriptions can say and no engine runs yet is an error here, not a surprise later.
void CircuitPlan::refuse() const {
  for (const equations::Population& p : description_.populations) {
    if (p.type == equations::Population::Type::source)
      equations::fail(p.where, fmt::format("[source.{}] has no place in trials of a task", p.name.in_equations()),
                      "input and target");
  }
}

std::size_t CircuitPlan::population(const Name& name) const {
  const auto found = population_numbers_.find(name);
  if (found == population_numbers_.end())
    throw ValueError("circuit", fmt::format("has no population {}", name.in_equations()), "its populations");
  return found->second;
}

std::size_t CircuitPlan::population(const Expression& name) const { return population(name_of(name)); }

std::size_t CircuitPlan::matrix(const Name& name) const {
  const auto found = matrix_numbers_.find(name);
  if (found == matrix_numbers_.end())
    throw ValueError("circuit", fmt::format("has no matrix {}", name.in_equations()), "its matrices");
  return found->second;
}

std::string CircuitPlan::matrix_name(std::size_t m) const {
  const Name& name = description_.matrices[m].name;
  const bool short_one = is_networks(description_, name.base) || is_feedbacks(description_, name.base);
  return short_one && name.indices.size() == 1 ? fmt::format("{}{}", name.base, name.indices.front()) : name.in_files();
}

std::optional<CircuitPlan::Ends> CircuitPlan::ends(std::size_t m) const {
  const Name& name = description_.matrices[m].name;
  for (std::size_t p = 0; p < description_.populations.size(); ++p) {
    for (const Term& t : description_.populations[p].terms) {
      if (!t.matrix || t.matrix->name != name) continue;
      if (t.signal.is_number(1)) return Ends{p, std::nullopt};
      std::optional<std::size_t> inside;
      const std::size_t units = t.matrix->transposed ? description_.matrices[m].rows : description_.matrices[m].columns;
      for_each_population(t.signal, *this, [&](std::size_t q) {
        if (description_.populations[q].units == units) inside = q;
      });
      if (!inside) continue;
      return t.matrix->transposed ? Ends{*inside, p} : Ends{p, *inside};
    }
  }
  return std::nullopt;
}

double CircuitPlan::number(const Expression& e, const equations::Phase* phase) const {
  return number_of(e, phase, run_);
}

double CircuitPlan::number_of(const Expression& e, const equations::Phase* phase, const RunNumbers& run) const {
  return evaluate_number(e, [&](const Expression& name) -> double {
    if (phase != nullptr) {
      for (const auto& [parameter, value] : phase->parameters)
        if (parameter == name.name()) return number_of(value, nullptr, run);
    }
    const auto p = std::ranges::find(description_.parameters, name.name(), &Parameter::name);
    if (p != description_.parameters.end()) {
      if (const auto* whole = std::get_if<std::int64_t>(&p->default_value)) return static_cast<double>(*whole);
      if (const auto* real = std::get_if<double>(&p->default_value)) return *real;
      if (const auto* flag = std::get_if<bool>(&p->default_value)) return *flag ? 1 : 0;
    }
    if (name.name() == "pi") return std::numbers::pi;
    const std::array<double, run_names.size()> values{run.eta, run.lambda, run.batch, run.duration, run.dt};
    const auto known = std::ranges::find(run_names, name.name());
    if (known == run_names.end()) throw ValueError(to_text(name), "is no number", "parameters, eta, lambda, ..");
    return values[static_cast<std::size_t>(known - run_names.begin())];
  });
}

double CircuitPlan::number_with_eta(const Expression& e, double eta) const {
  RunNumbers run = run_;
  run.eta = eta;
  return number_of(e, nullptr, run);
}

bool CircuitPlan::is_number(const Expression& name) const {
  return name.name() == "pi" || std::ranges::find(run_names, name.name()) != run_names.end() ||
         std::ranges::find(description_.parameters, name.name(), &Parameter::name) != description_.parameters.end();
}

bool CircuitPlan::is_continuous(std::size_t m, const equations::Phase& phase) const {
  const Name& name = description_.matrices[m].name;
  return std::ranges::find(phase.learn, name) != phase.learn.end();
}

void CircuitPlan::find_places() {
  std::size_t others = 0;
  for (const Matrix& m : description_.matrices) {
    if (is_networks(description_, m.name.base) && m.name.indices.size() == 1)
      places_.push_back({m.name.base == "W" ? MatrixPlace::In::weights : MatrixPlace::In::bias,
                         static_cast<std::size_t>(m.name.indices.front())});
    else
      places_.push_back({MatrixPlace::In::others, others++});
  }
}

/// Populations that meet unit by unit have one layer; W[l] joins layers l - 1 and l.
void CircuitPlan::find_layers(const Network& network) {
  const std::size_t n = description_.populations.size();
  layers_.assign(n, std::nullopt);
  const auto set = [&](std::size_t p, std::size_t layer) {
    if (layers_[p] || layer > depth_ || description_.populations[p].units != network.units[layer]) return false;
    layers_[p] = layer;
    return true;
  };
  for (std::size_t p = 0; p < n; ++p) {
    if (description_.populations[p].type == equations::Population::Type::input) set(p, 0);
    if (description_.populations[p].type == equations::Population::Type::target) set(p, depth_);
  }
  const auto spread = [&](const std::vector<std::size_t>& group) {
    const auto known = std::ranges::find_if(group, [&](std::size_t p) { return layers_[p].has_value(); });
    if (known == group.end()) return false;
    bool changed = false;
    for (const std::size_t p : group) changed = set(p, *layers_[*known]) || changed;
    return changed;
  };
  const auto walk = [&](std::size_t p, const Term& term) {
    std::vector<std::size_t> beside{p}, inside;
    for_each_population(term.factor, *this, [&](std::size_t q) { beside.push_back(q); });
    for_each_population(term.signal, *this, [&](std::size_t q) { (term.matrix ? inside : beside).push_back(q); });
    bool changed = false;
    if (term.matrix) {
      const MatrixPlace& place = places_[matrix(term.matrix->name)];
      if (place.in == MatrixPlace::In::weights) {
        const std::size_t to = term.matrix->transposed ? place.number - 1 : place.number;
        const std::size_t from = term.matrix->transposed ? place.number : place.number - 1;
        changed = set(p, to);
        for (const std::size_t q : inside) changed = set(q, from) || changed;
      }
      if (place.in == MatrixPlace::In::bias) changed = set(p, place.number);
    }
    return spread(beside) || spread(inside) || changed;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t p = 0; p < n; ++p) {
      for (const Term& term : description_.populations[p].terms) changed = walk(p, term) || changed;
    }
    for (const equations::Phase& phase : description_.phases)
      for (const auto* givens : {&phase.set, &phase.equations})
        for (const Given& g : *givens)
          for (const Term& term : g.terms) changed = walk(population(g.population), term) || changed;
    for (const Rule& rule : description_.rules) {
      const MatrixPlace& place = places_[matrix(rule.matrix)];
      if (place.in == MatrixPlace::In::others) continue;
      for (const RuleTerm& term : rule.terms) {
        for_each_population(term.post, *this, [&](std::size_t q) { changed = set(q, place.number) || changed; });
        for_each_population(term.pre, *this, [&](std::size_t q) { changed = set(q, place.number - 1) || changed; });
      }
    }
  }
}

void CircuitPlan::find_forward(const Network& network) {
  Forward forward{std::vector<std::size_t>(depth_ + 1), std::vector<std::size_t>(depth_ + 1)};
  const auto& all = description_.populations;
  const auto is_algebraic = [](const equations::Population& p) {
    return p.type == equations::Population::Type::algebraic;
  };
  const auto is_fixed = [&](std::size_t n) {
    const equations::Population& p = all[n];
    return p.type != equations::Population::Type::moving &&
           std::ranges::all_of(description_.phases, [&](const equations::Phase& phase) {
             return given_in(phase.set, p.name) == nullptr && given_in(phase.equations, p.name) == nullptr &&
                    std::ranges::find(phase.hold, p.name) == phase.hold.end();
           });
  };
  const auto is_one = [](const Term& t) { return t.coefficient.is_number(1) && t.factor.is_number(1); };
  // h_0: input, under its own name or another
  const auto input = std::ranges::find(all, equations::Population::Type::input, &equations::Population::type);
  if (input == all.end()) return;
  forward.h[0] = static_cast<std::size_t>(input - all.begin());
  for (std::size_t p = 0; p < all.size(); ++p) {
    if (is_algebraic(all[p]) && all[p].terms.size() == 1 && is_one(all[p].terms[0]) && !all[p].terms[0].matrix &&
        all[p].terms[0].signal == input->name.expression())
      forward.h[0] = p;
  }
  for (std::size_t l = 1; l <= depth_; ++l) {
    const auto is_activation = [&](const equations::Population& p) {
      const bool leaky = p.type == equations::Population::Type::moving && p.leak.is_number(1) && !p.noise;
      if ((!is_algebraic(p) && !leaky) || p.terms.size() != (network.bias ? 2U : 1U)) return false;
      return std::ranges::all_of(p.terms, [&](const Term& t) {
        if (!is_one(t) || !t.matrix || t.matrix->transposed) return false;
        const MatrixPlace& place = places_[matrix(t.matrix->name)];
        if (place.number != l || place.in == MatrixPlace::In::others) return false;
        if (place.in == MatrixPlace::In::bias) return t.signal.is_number(1);
        return t.signal == all[forward.h[l - 1]].name.expression() || (l == 1 && t.signal == input->name.expression());
      });
    };
    const auto a = std::ranges::find_if(all, is_activation);
    if (a == all.end()) return;
    forward.a[l] = static_cast<std::size_t>(a - all.begin());
    const Expression state = a->name.expression();
    const Expression rate = network.g[l]->linear ? state : Expression::call(std::string(network.g[l]->name), {state});
    const auto h = std::ranges::find_if(all, [&](const equations::Population& p) {
      return is_algebraic(p) && p.terms.size() == 1 && is_one(p.terms[0]) && !p.terms[0].matrix &&
             p.terms[0].signal == rate;
    });
    if (h == all.end()) return;
    forward.h[l] = static_cast<std::size_t>(h - all.begin());
  }
  for (std::size_t l = 0; l <= depth_; ++l)
    forward.instantaneous = forward.instantaneous && is_fixed(forward.h[l]) && (l == 0 || is_fixed(forward.a[l]));
  forward_ = std::move(forward);
}

bool CircuitPlan::reads_first_layer_once() const {
  std::size_t reads = 0;
  const auto count = [&](const std::vector<Term>& terms) {
    for (const Term& t : terms) {
      if (!t.matrix) continue;
      const MatrixPlace& place = places_[matrix(t.matrix->name)];
      if (place.in == MatrixPlace::In::weights && place.number == 1) ++reads;
    }
  };
  for (const equations::Population& p : description_.populations) count(p.terms);
  for (const equations::Phase& phase : description_.phases)
    for (const auto* givens : {&phase.set, &phase.equations})
      for (const Given& g : *givens) count(g.terms);
  return reads == 1;
}

void CircuitPlan::find_credit() {
  credit_.assign(depth_ + 1, std::nullopt);
  learns_as_network_ = forward_.has_value();
  std::vector<bool> of_weights(depth_ + 1), of_bias(depth_ + 1);
  for (const Rule& rule : description_.rules) {
    const MatrixPlace& place = places_[matrix(rule.matrix)];
    const bool alone = std::ranges::count(description_.rules, rule.matrix, &Rule::matrix) == 1;
    bool standard = alone && !rule.continuous && place.in != MatrixPlace::In::others && rule.terms.size() == 1 &&
                    description_.update_of(rule) == ParameterValues() && number(rule.decay) == run_.lambda;
    if (place.in == MatrixPlace::In::weights && rule.terms.size() == 1 && rule.terms[0].post.is(Kind::name)) {
      const std::size_t post = population(rule.terms[0].post);
      if (layers_[post] == place.number && !credit_[place.number]) credit_[place.number] = post;
      if (rule.terms[0].when == RuleTerm::When::end) credit_phase_ = rule.terms[0].phases.front();
    }
    if (standard) {
      const RuleTerm& term = rule.terms[0];
      standard = term.when == RuleTerm::When::last && !term.low && term.factor.is_number(1) &&
                 term.coefficient == Expression::name("eta") && term.post.is(Kind::name) &&
                 credit_[place.number] == population(term.post);
      if (place.in == MatrixPlace::In::bias) {
        of_bias[place.number] = standard && term.pre.is_number(1);
      } else {
        of_weights[place.number] =
            standard && forward_ && term.pre.is(Kind::name) && population(term.pre) == forward_->h[place.number - 1];
      }
    }
    learns_as_network_ = learns_as_network_ && standard;
  }
  const bool has_bias =
      std::ranges::any_of(places_, [](const MatrixPlace& p) { return p.in == MatrixPlace::In::bias; });
  for (std::size_t l = 1; l <= depth_; ++l)
    learns_as_network_ = learns_as_network_ && of_weights[l] && (!has_bias || of_bias[l]);
}

void CircuitPlan::find_feedback() {
  for (std::size_t m = 0; m < description_.matrices.size(); ++m) {
    const Matrix& matrix = description_.matrices[m];
    if (!is_feedbacks(description_, matrix.name.base)) continue;
    FeedbackPath path{.number = 0, .name = matrix_name(m), .bottom = 0, .top = 0};
    for (std::size_t p = 0; p < description_.populations.size(); ++p) {
      for (const Term& term : description_.populations[p].terms) {
        if (!term.matrix || term.matrix->name != matrix.name || term.matrix->transposed || !layers_[p]) continue;
        path.bottom = *layers_[p];
        for_each_population(term.signal, *this, [&](std::size_t q) { path.top = layers_[q].value_or(0); });
      }
    }
    if (path.top == 0 || path.bottom == 0 || path.bottom >= path.top)
      throw ValueError(fmt::format("matrix {}", matrix.name.in_equations()),
                       "has the feedback's weights, and joins no layer with one below it",
                       "[weights.NAME] with another kind");
    path.number = matrix.name.indices.empty() ? path.top : static_cast<std::size_t>(matrix.name.indices.front());
    feedback_.push_back({path, m});
  }
}

std::string CircuitPlan::role(std::size_t p) const {
  const equations::Population& population = description_.populations[p];
  for (const auto& [role, names] : description_.roles) {
    if (std::ranges::find(names, population.name) != names.end()) return role;
  }
  if (population.type == equations::Population::Type::input) return "input";
  if (population.type == equations::Population::Type::target) return "target";
  return "";
}

const Given* given_in(const std::vector<Given>& givens, const Name& population) {
  const auto found = std::ranges::find(givens, population, &Given::population);
  return found == givens.end() ? nullptr : &*found;
}

const std::vector<Term>& terms_in(const Description& description, const equations::Phase& phase,
                                  std::size_t population) {
  const equations::Population& p = description.populations[population];
  const Given* given = given_in(phase.equations, p.name);
  return given != nullptr ? given->terms : p.terms;
}

void for_each_population(const Expression& e, const CircuitPlan& plan,
                         const std::function<void(std::size_t)>& visited) {
  visit(e, [&](const Expression& node) {
    if (!node.is(Kind::name)) return true;
    if (!plan.is_number(node)) visited(plan.population(node));
    return false;
  });
}

}  // namespace dynvert
