// Rules at the end of a trial of a described circuit, and the averages over time that they read.

#include <dynvert/models/equations/source.hpp>
#include <dynvert/models/program/described_circuit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace dynvert {

bool DescribedCircuit::averages_in(const RuleProgram::Average& average, std::size_t i) const {
  const auto& phases = average.phases;
  return phases.empty() || std::ranges::find(phases, phases_[i].program->phase().name) != phases.end();
}

namespace {

/// Weights of n equal intervals, in units of one: left ends, or Simpson's rule with 3/8 for the last three where n is
/// odd (order 4; of one interval the trapezoid, which is all that two values give).
std::vector<double> quadrature(std::size_t n, bool left_ends) {
  std::vector<double> w(n + 1, 0.0);
  if (left_ends) {
    std::fill_n(w.begin(), n, 1.0);
    return w;
  }
  if (n == 1) return {0.5, 0.5};
  const std::size_t pairs = n % 2 == 0 ? n : n - 3;
  for (std::size_t k = 0; k + 2 <= pairs; k += 2) {
    w[k] += 1.0 / 3;
    w[k + 1] += 4.0 / 3;
    w[k + 2] += 1.0 / 3;
  }
  if (n % 2 == 0) return w;
  for (const auto& [k, weight] : {std::pair{n - 3, 3.0 / 8}, {n - 2, 9.0 / 8}, {n - 1, 9.0 / 8}, {n, 3.0 / 8}})
    w[k] += weight;
  return w;
}

}  // namespace

struct DescribedCircuit::Way {
  std::size_t phase = 0;
  const PhaseProgram& program;
  const RightHandSide& f;
  const StatePath& path;
  const State& end;
  double duration = 0;
  std::vector<arma::mat> opened;  // values as the phase opens

  /// Calls `visit` with the weight of each sample in an integral over the phase, and the values of some populations
  /// then. Where no way is known the end counts for all of it. A column that has settled keeps its state.
  void walk(const std::vector<std::size_t>& populations,
            const std::function<void(double weight, const std::vector<arma::mat>& now)>& visit) const {
    const bool known = path.samples >= 2;
    const std::vector<double> weights =
        known ? quadrature(path.samples - 1, path.order <= 1) : std::vector<double>{1.0};
    const std::size_t columns = f.layout().columns();
    std::vector<arma::mat> now = opened;
    for (std::size_t s = 0; s < weights.size(); ++s) {
      if (weights[s] == 0) continue;
      const std::span<const double> state = known ? path.state(s) : std::span<const double>(end);
      for (const std::size_t p : populations) {
        if (!program.varies(p)) continue;
        const auto view = f.layout().view(state, *program.block(p));
        const auto last = f.layout().view(std::span<const double>(end), *program.block(p));
        now[p].set_size(view.units, columns);
        for (std::size_t c = 0; c < columns; ++c)
          std::ranges::copy(std::isnan(view(0, c)) ? last.column(c) : view.column(c), now[p].colptr(c));
      }
      visit(weights[s], now);
    }
  }
  /// of a weight of 1
  [[nodiscard]] double unit() const { return path.samples < 2 ? duration : path.interval; }
};

std::function<void(const Network&, const RightHandSide&, const StatePath&, const State&, Activity&)>
DescribedCircuit::follow(std::size_t i, bool for_rules) const {
  return [self = shared_from_this(), i, for_rules](const Network& of, const RightHandSide& f, const StatePath& path,
                                                   const State& end, Activity& activity) {
    Network moved;
    const Network& network = self->newest(of, activity.values, moved);
    const PhaseEntry& entry = self->phases_[i];
    const Way way{.phase = i,
                  .program = *entry.program,
                  .f = f,
                  .path = path,
                  .end = end,
                  .duration = entry.duration,
                  .opened = self->opened(i, network, activity.values)};
    if (for_rules) self->integrate_rules(way, activity);
    if (i == self->readout_phase_ && self->averages_readout()) self->integrate_readout(way, activity);
  };
}

/// Adds the integrals of products over the phase. Where pre is at rest the post factor alone is integrated.
void DescribedCircuit::integrate_rules(const Way& way, Activity& activity) const {
  const std::size_t columns = way.f.layout().columns();
  std::size_t number = 0;
  arma::mat post, pre;
  for (const RuleProgram& rule : rules_) {
    for (const RuleProgram::Average& average : rule.averages()) {
      const std::size_t k = number++;
      if (!averages_in(average, way.phase)) continue;
      const auto varies = [&](std::size_t p) { return way.program.varies(p); };
      const bool pre_rests = !average.low_pass && std::ranges::none_of(average.pre_populations, varies);
      arma::mat sum(average.rows, pre_rests ? columns : average.columns);
      way.walk(average.populations, [&](double weight, const std::vector<arma::mat>& now) {
        average.post.evaluate(now, average.rows, columns, post);
        if (average.low_pass) {
          if (post.n_rows != average.rows) post = arma::repmat(post, average.rows, 1);
          sum += weight * sum_of_low_passes(post, now[*average.low_pass]);
          return;
        }
        if (pre_rests) {
          sum += weight * post;
          return;
        }
        average.pre.evaluate(now, average.columns, columns, pre);
        sum += weight * (post * pre.t());
      });
      if (pre_rests && average.pre.is_one()) {
        sum = arma::sum(sum, 1);
      } else if (pre_rests) {
        average.pre.evaluate(way.opened, average.columns, columns, pre);
        sum = arma::mat(sum * pre.t());
      }
      arma::mat& integral = activity.values.integrals[k];
      if (integral.is_empty()) integral.zeros(average.rows, average.columns);
      integral += way.unit() * sum;
      activity.values.durations[k] += way.duration;
    }
  }
}

void DescribedCircuit::integrate_readout(const Way& way, Activity& activity) const {
  const std::size_t columns = way.f.layout().columns();
  arma::mat sum(activity.t.n_rows, columns), y;
  way.walk(averaged_, [&](double weight, const std::vector<arma::mat>& now) {
    readout_->evaluate(now, sum.n_rows, columns, y);
    sum += weight * y;
  });
  activity.values.integrals.back() = way.unit() * sum;
  activity.values.durations.back() = way.duration;
}

/// As its phase has left it; before, nothing is known of it.
arma::mat DescribedCircuit::average_readout(const Activity& activity) const {
  const arma::mat& integral = activity.values.integrals.back();
  if (integral.is_empty()) return arma::mat(arma::size(activity.t));
  return integral / activity.values.durations.back();
}

void DescribedCircuit::make_rules() {
  // rules on one matrix add up: they are one
  std::vector<equations::Rule> rules;
  for (const equations::Rule& rule : plan_.description().rules) {
    if (rule.continuous) continue;
    const auto same = std::ranges::find(rules, rule.matrix, &equations::Rule::matrix);
    if (same == rules.end()) {
      rules.push_back(rule);
      continue;
    }
    same->terms.insert(same->terms.end(), rule.terms.begin(), rule.terms.end());
    same->decay = equations::Expression::operation(equations::Kind::add, {same->decay, rule.decay});
  }
  std::size_t memory = 0;
  for (const equations::Rule& rule : rules) {
    rules_.emplace_back(plan_, rule, memory);
    rules_.back().set_first_average(averages_);
    memory += rules_.back().memory().size();
    averages_ += rules_.back().averages().size();
  }
}

/// Rules read phases that are run in learning, and averages take time.
void DescribedCircuit::check_phases(const equations::RuleTerm& term) const {
  double duration = 0;
  for (const PhaseEntry& entry : phases_) {
    const equations::Phase& phase = entry.program->phase();
    const bool named = std::ranges::find(term.phases, phase.name) != term.phases.end();
    const bool learns = phase.during != "evaluation";
    if (named && !learns)
      equations::fail(term.where, fmt::format("phase \"{}\" is not run in learning", phase.name),
                      "phases with during = \"learning\" or \"both\"");
    if (learns && (named || term.phases.empty())) duration += entry.duration;
  }
  if (term.when == equations::RuleTerm::When::average && duration <= 0)
    equations::fail(term.where, "the average over phases that take no time", "end(\"phase\", post*pre'), or post*pre'");
}

}  // namespace dynvert
