#include <dynvert/analysis/circuit_gradient.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace dynvert {

namespace {

using equations::Description;
using equations::Expression;

constexpr double newton_tolerance = 1e-12;
constexpr std::size_t newton_iterations = 60;

/// y, or h[L] of the network's own pass.
Expression readout_expression(const DescribedCircuit& circuit) {
  const Description& d = circuit.plan().description();
  if (d.readout.y) {
    if (d.readout.at != "end")
      equations::fail(d.readout.where, "the gradient of a readout that is averaged over its phase is not known",
                      "at = \"end\"");
    return d.readout.y;
  }
  if (const auto& forward = circuit.plan().forward()) return d.populations[forward->h.back()].name.expression();
  throw ValueError("circuit", "has no readout, so that no gradient is defined",
                   "[readout] y = \"..\", or the network's own forward pass");
}

std::size_t phase_of_readout(const CircuitPlan& plan) {
  const Description& d = plan.description();
  const auto named = std::ranges::find(d.phases, d.readout.phase, &equations::Phase::name);
  if (named != d.phases.end()) return static_cast<std::size_t>(named - d.phases.begin());
  if (!d.readout.y && plan.forward() && !plan.forward()->instantaneous) {
    // the last that moves the forward pass
    for (std::size_t i = d.phases.size(); i-- > 0;) {
      for (const std::size_t p : plan.forward()->a) {
        const auto& moves = d.phases[i].moves;
        if (std::ranges::find(moves, d.populations[p].name) != moves.end()) return i;
      }
    }
  }
  return d.phases.size() - 1;
}

std::vector<arma::mat> column_of(const std::vector<arma::mat>& values, std::size_t c) {
  std::vector<arma::mat> column(values.size());
  for (std::size_t p = 0; p < values.size(); ++p) {
    if (!values[p].is_empty()) column[p] = values[p].col(c);
  }
  return column;
}

std::size_t variables_of(const PhaseAdjoint& phase, std::span<const arma::mat> values) {
  std::size_t n = 0;
  for (const auto& m : phase.moving()) n += values[m.population].n_rows;
  return n;
}

/// F of all that moves, one below the other, of one column that is evaluated.
arma::vec residual_of(const PhaseAdjoint& phase, const Network& network, const std::vector<arma::mat>& values) {
  arma::vec f;
  for (std::size_t i = 0; i < phase.moving().size(); ++i)
    f = arma::join_cols(f, arma::vec(phase.slope(network, values, i)));
  return f;
}

/// J', of one column that is evaluated: the adjoints of unit vectors.
arma::mat transposed_jacobian(const PhaseAdjoint& phase, const Network& network, const std::vector<arma::mat>& values) {
  const std::size_t n = variables_of(phase, values);
  Adjoints adjoints{.populations = std::vector<arma::mat>(values.size()), .matrices = {}, .takes_matrices = false};
  std::size_t first = 0;
  for (std::size_t i = 0; i < phase.moving().size(); ++i) {
    const std::size_t units = values[phase.moving()[i].population].n_rows;
    arma::mat seed(units, n);
    seed.cols(first, first + units - 1).eye();
    phase.back_slope(network, values, i, seed, adjoints);
    first += units;
  }
  phase.back_evaluate(network, values, adjoints);
  arma::mat J(n, n);
  first = 0;
  for (const auto& m : phase.moving()) {
    const std::size_t units = values[m.population].n_rows;
    const arma::mat& rows = adjoints.populations[m.population];
    if (!rows.is_empty()) J.rows(first, first + units - 1) = rows;
    first += units;
  }
  return J;
}

arma::vec solved(const arma::mat& A, const arma::vec& b) {
  arma::vec x;
  if (!arma::solve(x, A, b, arma::solve_opts::no_approx) || !x.is_finite())
    throw NumericalError("gradient at the steady state", "the Jacobian is singular", "a leak above 0", Fault::singular);
  return x;
}

/// y + scale x, of what moves
void add_moving(const PhaseAdjoint& phase, double scale, const std::vector<arma::mat>& x, std::vector<arma::mat>& y) {
  for (std::size_t i = 0; i < phase.moving().size(); ++i) y[phase.moving()[i].population] += scale * x[i];
}

std::vector<arma::mat> moving_values(const PhaseAdjoint& phase, const std::vector<arma::mat>& values) {
  std::vector<arma::mat> x;
  for (const auto& m : phase.moving()) x.push_back(values[m.population]);
  return x;
}

void set_moving(const PhaseAdjoint& phase, const std::vector<arma::mat>& x, std::vector<arma::mat>& values) {
  for (std::size_t i = 0; i < phase.moving().size(); ++i) values[phase.moving()[i].population] = x[i];
}

/// dx/dt of what moves, by an evaluation
std::vector<arma::mat> rates(const PhaseAdjoint& phase, const Network& network, std::vector<arma::mat>& values) {
  phase.evaluate(network, values);
  std::vector<arma::mat> k;
  for (std::size_t i = 0; i < phase.moving().size(); ++i)
    k.push_back(phase.slope(network, values, i) / phase.moving()[i].tau);
  return k;
}

/// tau |dx/dt| against |x|, the largest of all columns
double distance_from_rest(const PhaseAdjoint& phase, const Network& network, std::vector<arma::mat>& values) {
  phase.evaluate(network, values);
  arma::rowvec slope(values.front().n_cols), state(values.front().n_cols);
  for (std::size_t i = 0; i < phase.moving().size(); ++i) {
    slope = arma::max(slope, arma::rowvec(arma::max(arma::abs(phase.slope(network, values, i)), 0)));
    state = arma::max(state, arma::rowvec(arma::max(arma::abs(values[phase.moving()[i].population]), 0)));
  }
  double distance = 0;
  for (arma::uword c = 0; c < slope.n_elem; ++c) {
    if (slope[c] > 0) distance = std::max(distance, slope[c] / state[c]);
  }
  return distance;
}

}  // namespace

CircuitGradient::CircuitGradient(std::shared_ptr<const DescribedCircuit> circuit, const PhaseForm& form)
    : circuit_(std::move(circuit)),
      form_(form),
      readout_phase_(phase_of_readout(circuit_->plan())),
      cross_entropy_(circuit_->plan().description().readout.loss == "cross_entropy"),
      readout_(readout_expression(*circuit_), circuit_->plan(), nullptr),
      readout_adjoint_(readout_expression(*circuit_), circuit_->plan(), nullptr) {
  const CircuitPlan& plan = circuit_->plan();
  const Description& d = plan.description();
  const std::size_t n = d.populations.size();
  if (!plan.references().empty()) {
    const equations::Population& of = d.populations[plan.references().front().of];
    equations::fail(
        of.where,
        fmt::format("the gradient of a circuit with references to {} of the step before, or in a circle, is "
                    "not known",
                    of.name.in_equations()),
        "record.measures without gradients, or populations that move in the place of one of the circle");
  }
  std::vector<std::vector<bool>> needed(d.phases.size(), std::vector<bool>(n));
  for_each_population(readout_expression(*circuit_), plan, [&](std::size_t p) { needed[readout_phase_][p] = true; });
  std::vector<bool> at_start(n);
  std::vector<Entry> entries;  // the last first
  std::vector<std::optional<std::size_t>> sources;
  const auto runs = [&](std::size_t i) { return i == readout_phase_ || d.phases[i].during != "learning"; };
  const auto source_of = [&](std::size_t i) -> std::optional<std::size_t> {
    const std::string& from = d.phases[i].from;
    for (std::size_t k = i; k-- > 0;) {
      if (from.empty() ? runs(k) : d.phases[k].name == from) return k;
    }
    return std::nullopt;
  };
  for (std::size_t i = readout_phase_ + 1; i-- > 0;) {
    if (std::ranges::find(needed[i], true) == needed[i].end()) continue;
    const equations::Phase& phase = d.phases[i];
    Entry entry{.number = i, .settles = form.settles || phase.until_settled, .phase = nullptr};
    entry.phase = std::make_unique<PhaseAdjoint>(plan, phase, needed[i], entry.settles);
    if (!entry.phase->moving().empty() && (!entry.settles || form.steps)) {
      if (!form.steps)
        throw ValueError(fmt::format("phase \"{}\"", phase.name),
                         "the gradient along a trajectory is that of a scheme of fixed steps",
                         "a solver of fixed steps other than euler_maruyama, until_settled, settle_tolerance, or "
                         "solver = \"fixed_point\"");
      entry.steps = static_cast<std::size_t>(std::llround(plan.number(phase.duration, &phase) / form.dt));
    }
    sources.push_back(source_of(i));
    std::vector<bool>& before = sources.back() ? needed[*sources.back()] : at_start;
    for (std::size_t p = 0; p < n; ++p) before[p] = before[p] || entry.phase->needed_before()[p];
    entries.push_back(std::move(entry));
  }
  start_.emplace(plan, std::move(at_start));
  for (std::size_t k = entries.size(); k-- > 0;) {
    if (sources[k]) {
      const auto is_it = [&](const Entry& e) { return e.number == *sources[k]; };
      const auto found = std::ranges::find_if(entries_, is_it);
      if (found != entries_.end()) entries[k].from = static_cast<std::size_t>(found - entries_.begin());
    }
    entries_.push_back(std::move(entries[k]));
  }
}

CircuitGradient::Result CircuitGradient::operator()(const Network& network, const arma::mat& x, const arma::mat& t,
                                                    const Values* near, const Values* begun) const {
  const CircuitPlan& plan = circuit_->plan();
  Activity activity;
  Credit credit;
  if (plan.forward() && plan.forward()->instantaneous) {
    forward(network, x, t, activity);
  } else {
    activity.x = x;
    activity.t = t;
  }
  if (begun == nullptr) circuit_->start(network, activity, credit, {});
  const Values start = begun != nullptr ? *begun : std::move(activity.values.now);
  std::vector<Passage> passages(entries_.size());
  const auto before = [&](const Entry& entry) -> const Values& {
    return entry.from ? passages[*entry.from].end : start;
  };
  for (std::size_t i = 0; i < entries_.size(); ++i)
    run(entries_[i], network, before(entries_[i]), i + 1 == entries_.size() ? near : nullptr, passages[i]);

  arma::mat y;
  const Values& end = passages.back().end;
  readout_.evaluate(end, t.n_rows, t.n_cols, y);
  Result result;
  arma::mat slope;
  if (cross_entropy_) {
    slope.zeros(arma::size(t));
    for (arma::uword k = 0; k < t.n_elem; ++k) {
      // 0 log 0 = 0
      if (t[k] == 0) continue;
      result.loss -= t[k] * std::log(y[k]);
      slope[k] = -t[k] / y[k];
    }
  } else {
    slope = y - t;
    result.loss = 0.5 * arma::dot(slope, slope);
  }

  // by entry: what is known of the adjoints of its end; the last is of the start
  const std::size_t n = start.size();
  std::vector<std::vector<arma::mat>> of_end(entries_.size() + 1, std::vector<arma::mat>(n));
  Adjoints adjoints{.populations = std::vector<arma::mat>(n),
                    .matrices = std::vector<arma::mat>(plan.description().matrices.size())};
  readout_adjoint_.add(end, slope, adjoints);
  of_end[entries_.size() - 1] = std::exchange(adjoints.populations, std::vector<arma::mat>(n));
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const Entry& entry = entries_[i];
    adjoints.populations = std::move(of_end[i]);
    go_back(entry, network, before(entry), passages[i], adjoints);
    auto& to = of_end[entry.from.value_or(entries_.size())];
    for (std::size_t p = 0; p < n; ++p) {
      if (!adjoints.populations[p].is_empty()) add_to(to[p], std::move(adjoints.populations[p]));
    }
  }
  adjoints.populations = std::move(of_end.back());
  start_->back_open(network, start, start, adjoints);
  result.by_matrix = std::move(adjoints.matrices);
  for (std::size_t m = 0; m < result.by_matrix.size(); ++m) {
    const equations::Matrix& shape = plan.description().matrices[m];
    if (result.by_matrix[m].is_empty()) result.by_matrix[m].zeros(shape.rows, shape.columns);
  }
  return result;
}

void CircuitGradient::run(const Entry& entry, const Network& network, const Values& before, const Values* near,
                          Passage& passage) const {
  const PhaseAdjoint& phase = *entry.phase;
  Values values = before;
  phase.open(network, values);
  passage.opened = values;
  if (!phase.moving().empty() && entry.settles) {
    if (near != nullptr) {
      for (const auto& m : phase.moving()) values[m.population] = (*near)[m.population];
    } else {
      for (std::size_t k = 0; k < entry.steps; ++k) {
        if (distance_from_rest(phase, network, values) <= form_.settle_tolerance) break;
        step(phase, network, values);
      }
    }
    settle(entry, network, values);
  } else if (!phase.moving().empty()) {
    const auto steps = static_cast<double>(entry.steps);
    passage.stride = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(std::sqrt(steps))));
    for (std::size_t k = 0; k < entry.steps; ++k) {
      if (k % passage.stride == 0) passage.checkpoints.push_back(moving_values(phase, values));
      step(phase, network, values);
    }
  }
  phase.evaluate(network, values);
  passage.end = std::move(values);
}

/// Newton's method with a backtracking line search, column by column.
void CircuitGradient::settle(const Entry& entry, const Network& network, Values& values) const {
  const PhaseAdjoint& phase = *entry.phase;
  for (std::size_t c = 0; c < values.front().n_cols; ++c) {
    Values v = column_of(values, c);
    phase.evaluate(network, v);
    arma::vec f = residual_of(phase, network, v);
    bool found = false;
    for (std::size_t k = 0; k < newton_iterations && !found; ++k) {
      const arma::vec change = solved(transposed_jacobian(phase, network, v).t(), -f);
      double size = 0;
      std::vector<arma::mat> by_population;
      arma::uword first = 0;
      for (const auto& m : phase.moving()) {
        const arma::mat& x = v[m.population];
        by_population.emplace_back(change.rows(first, first + x.n_rows - 1));
        size += arma::dot(x, x);
        first += x.n_rows;
      }
      double scale = 1;
      Values next;
      for (;; scale /= 2) {
        next = v;
        add_moving(phase, scale, by_population, next);
        phase.evaluate(network, next);
        const arma::vec g = residual_of(phase, network, next);
        // at the root rounding decides whether the residual falls
        found = arma::norm(change) <= newton_tolerance * std::sqrt(size);
        if (found || arma::norm(g) < arma::norm(f) || !(arma::norm(f) > 0)) {
          found = found || !(arma::norm(g) > 0);
          f = g;
          break;
        }
        if (scale < 1e-6) {
          // no better than rounding allows
          found = arma::norm(change) <= 1e-9 * std::sqrt(size);
          break;
        }
      }
      v = std::move(next);
    }
    if (!found)
      throw NumericalError("gradient at the steady state", "Newton's method does not converge",
                           "a longer duration, or a solver of fixed steps", Fault::no_steady_state);
    for (const auto& m : phase.moving()) values[m.population].col(c) = v[m.population];
  }
}

void CircuitGradient::step(const PhaseAdjoint& phase, const Network& network, Values& values) const {
  const double dt = form_.dt;
  if (form_.steps->one_by_one) {
    for (std::size_t i = 0; i < phase.moving().size(); ++i) {
      phase.evaluate(network, values);
      const auto& m = phase.moving()[i];
      values[m.population] += dt / m.tau * phase.slope(network, values, i);
    }
    return;
  }
  const Values x = moving_values(phase, values);
  std::vector<Values> k;
  for (std::size_t i = 0; i < form_.steps->b.size(); ++i) {
    if (i > 0) set_moving(phase, x, values);
    for (std::size_t j = 0; j < i; ++j) add_moving(phase, dt * form_.steps->a[i][j], k[j], values);
    k.push_back(rates(phase, network, values));
  }
  set_moving(phase, x, values);
  for (std::size_t i = 0; i < k.size(); ++i) add_moving(phase, dt * form_.steps->b[i], k[i], values);
}

void CircuitGradient::go_back(const Entry& entry, const Network& network, const Values& before, const Passage& passage,
                              Adjoints& adjoints) const {
  const PhaseAdjoint& phase = *entry.phase;
  phase.back_evaluate(network, passage.end, adjoints);
  if (!phase.moving().empty()) {
    if (entry.settles)
      back_settled(phase, network, passage.end, adjoints);
    else
      back_steps(entry, network, passage, adjoints);
  }
  phase.back_open(network, passage.opened, before, adjoints);
}

void CircuitGradient::back_settled(const PhaseAdjoint& phase, const Network& network, const Values& end,
                                   Adjoints& adjoints) const {
  std::vector<arma::mat> x(phase.moving().size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t p = phase.moving()[i].population;
    x[i] = std::exchange(adjoints.populations[p], arma::mat());
    if (x[i].is_empty()) x[i].zeros(arma::size(end[p]));
  }
  for (std::size_t c = 0; c < end.front().n_cols; ++c) {
    arma::vec slope;
    for (const arma::mat& of : x) slope = arma::join_cols(slope, arma::vec(of.col(c)));
    const arma::vec lambda = solved(transposed_jacobian(phase, network, column_of(end, c)), slope);
    arma::uword first = 0;
    for (arma::mat& of : x) {
      of.col(c) = -lambda.rows(first, first + of.n_rows - 1);
      first += of.n_rows;
    }
  }
  for (std::size_t i = 0; i < x.size(); ++i) phase.back_slope(network, end, i, x[i], adjoints);
  phase.back_evaluate(network, end, adjoints);
  // -J' lambda: it cancels the slopes of E, and the steady state does not depend on where it began
  for (const auto& m : phase.moving()) adjoints.populations[m.population].reset();
}

void CircuitGradient::back_steps(const Entry& entry, const Network& network, const Passage& passage,
                                 Adjoints& adjoints) const {
  const PhaseAdjoint& phase = *entry.phase;
  Values values = passage.opened;
  for (std::size_t segment = passage.checkpoints.size(); segment-- > 0;) {
    const std::size_t first = segment * passage.stride;
    const std::size_t count = std::min(passage.stride, entry.steps - first);
    std::vector<Values> states{passage.checkpoints[segment]};
    set_moving(phase, states.front(), values);
    while (states.size() < count) {
      step(phase, network, values);
      states.push_back(moving_values(phase, values));
    }
    for (std::size_t k = count; k-- > 0;) {
      set_moving(phase, states[k], values);
      back_step(phase, network, values, adjoints);
    }
  }
}

/// @param values  at the beginning of the step; moves
void CircuitGradient::back_step(const PhaseAdjoint& phase, const Network& network, Values& values,
                                Adjoints& adjoints) const {
  const double dt = form_.dt;
  const std::size_t n = phase.moving().size();
  if (form_.steps->one_by_one) {
    // the values from which each population moves
    const Values x = moving_values(phase, values);
    step(phase, network, values);
    for (std::size_t i = n; i-- > 0;) {
      const auto& m = phase.moving()[i];
      values[m.population] = x[i];
      const arma::mat& y = adjoints.populations[m.population];
      if (y.is_empty()) continue;
      phase.evaluate(network, values);
      phase.back_slope(network, values, i, arma::mat(dt / m.tau * y), adjoints);
      phase.back_evaluate(network, values, adjoints);
    }
    return;
  }
  const StepScheme& scheme = *form_.steps;
  const std::size_t stages = scheme.b.size();
  const Values x = moving_values(phase, values);
  std::vector<Values> k, at;
  for (std::size_t i = 0; i < stages; ++i) {
    set_moving(phase, x, values);
    for (std::size_t j = 0; j < i; ++j) add_moving(phase, dt * scheme.a[i][j], k[j], values);
    at.push_back(moving_values(phase, values));
    // the last stage moves nothing after it
    if (i + 1 < stages) k.push_back(rates(phase, network, values));
  }
  const auto take = [&] {
    Values y;
    for (const auto& m : phase.moving()) y.push_back(std::exchange(adjoints.populations[m.population], arma::mat()));
    return y;
  };
  const Values y = take();
  std::vector<Values> of_stage(stages);
  for (std::size_t i = stages; i-- > 0;) {
    set_moving(phase, at[i], values);
    phase.evaluate(network, values);
    for (std::size_t p = 0; p < n; ++p) {
      arma::mat of_rate;
      if (scheme.b[i] != 0 && !y[p].is_empty()) add_to(of_rate, arma::mat(dt * scheme.b[i] * y[p]));
      for (std::size_t j = i + 1; j < stages; ++j) {
        if (scheme.a[j][i] != 0 && !of_stage[j][p].is_empty())
          add_to(of_rate, arma::mat(dt * scheme.a[j][i] * of_stage[j][p]));
      }
      if (!of_rate.is_empty())
        phase.back_slope(network, values, p, arma::mat(of_rate / phase.moving()[p].tau), adjoints);
    }
    phase.back_evaluate(network, values, adjoints);
    of_stage[i] = take();
  }
  for (std::size_t p = 0; p < n; ++p) {
    arma::mat& to = adjoints.populations[phase.moving()[p].population];
    to = y[p];
    for (Values& stage : of_stage) {
      if (!stage[p].is_empty()) add_to(to, std::move(stage[p]));
    }
  }
}

}  // namespace dynvert
