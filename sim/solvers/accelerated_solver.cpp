#include <dynvert/sim/solvers/accelerated_solver.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>
#include <dynvert/sim/solvers/fixed_step.hpp>
#include <dynvert/sim/solvers/reduced_loop.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

namespace {

/// Steps of a segment; of a solver that takes none, what the whole loop costs in steps is not known: one.
std::size_t steps_of(const SolverKind& kind, const SolverSettings& settings, double duration) {
  return kind.fixed_step ? whole_steps(duration, settings.dt, "duration") : 1;
}

bool can_reduce(const SolverKind& kind, const SolverSettings& settings) {
  return kind.coordinate_free && settings.settle_tolerance == 0;
}

/// What a multiplication of a step counts. One column is a product of a matrix and a vector, and products of matrices
/// do some three times as many in a second.
double cost_of_step(std::size_t columns) { return columns == 1 ? 3 : 1; }

/// By the count of multiplications.
AcceleratedForm cheapest(const ReducedLoop& loop, const SolverKind& kind, std::size_t steps, std::size_t columns,
                         bool alike) {
  const auto count = [&](std::size_t cost_of_step) {
    return static_cast<double>(steps) * static_cast<double>(columns) * static_cast<double>(cost_of_step);
  };
  // exact takes the exponential of all variables: fewer are always better
  const double reduction = kind.fixed_step ? static_cast<double>(loop.reduction_cost()) : 0.0;
  double least = count(loop.reduced_cost()) + reduction;
  if (least > count(loop.whole_cost())) return AcceleratedForm::reference;
  AcceleratedForm form = AcceleratedForm::reduced;
  if (!kind.fixed_step || !loop.linear() || !alike) return form;
  least *= cost_of_step(columns);
  const auto offer = [&](AcceleratedForm other, double cost) {
    if (cost >= least) return;
    least = cost;
    form = other;
  };
  offer(AcceleratedForm::propagated, loop.propagation_cost(steps, columns));
  if (kind.one_by_one && loop.can_stride(steps))
    offer(AcceleratedForm::strided, loop.stride_cost(steps, columns, cost_of_step(columns)).multiplications);
  return form;
}

std::size_t values_of(AcceleratedForm form, const ReducedLoop& loop, std::size_t columns) {
  switch (form) {
    case AcceleratedForm::reference:
      return 0;
    case AcceleratedForm::reduced:
      return loop.reduced_values(columns);
    case AcceleratedForm::strided:
      return loop.reduced_values(columns) + loop.stride_values(columns);
    case AcceleratedForm::propagated:
      return loop.reduced_values(columns) + loop.propagation_values(columns);
  }
  return 0;
}

/// What of a circuit decides on its form: all but names, weights and parameters.
struct Shape {
  explicit Shape(const Circuit& circuit) : populations(circuit.populations()), projections(circuit.projections()) {
    for (Projection& p : projections) {
      if (std::holds_alternative<arma::mat>(p.weights)) p.weights = arma::mat();
    }
  }
  [[nodiscard]] bool is_of(const Circuit& circuit) const {
    return std::ranges::equal(populations, circuit.populations(),
                              [](const Population& a, const Population& b) {
                                return a.units == b.units && a.clamped == b.clamped && a.rate == b.rate;
                              }) &&
           std::ranges::equal(projections, circuit.projections(), [](const Projection& a, const Projection& b) {
             return a.source == b.source && a.target == b.target && a.transmits == b.transmits &&
                    a.follows.has_value() == b.follows.has_value() && a.weights.index() == b.weights.index();
           });
  }

  std::vector<Population> populations;
  std::vector<Projection> projections;
};

class AcceleratedSolver final : public Solver {
 public:
  AcceleratedSolver(const SolverKind& kind, const SolverSettings& settings)
      : kind_(kind), settings_(settings), reference_(make_reference_solver(kind, settings)) {
    if (kind.scheme != nullptr) scheme_ = kind.scheme();
  }

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    if (trajectory == nullptr) {
      auto result = accelerated(f, x, segment);
      return result ? std::move(*result) : reference_->run(f, x, segment, nullptr, interval);
    }
    State shown = x;
    SolverRun result = reference_->run(f, shown, segment, trajectory, interval);
    if (!accelerated(f, x, segment)) x = std::move(shown);
    return result;
  }

 private:
  /// A kind of circuit that was met before.
  struct Known {
    Shape shape;
    PopulationIndex driven = 0;
    std::optional<ReducedLoop> loop;
  };

  ReducedLoop* known(const Circuit& circuit, PopulationIndex driven) {
    const auto found =
        std::ranges::find_if(known_, [&](const Known& k) { return k.driven == driven && k.shape.is_of(circuit); });
    if (found != known_.end()) return found->loop ? &*found->loop : nullptr;
    known_.push_back({Shape(circuit), driven, ReducedLoop::of(circuit, driven)});
    Known& added = known_.back();
    return added.loop ? &*added.loop : nullptr;
  }

  /// The only population that has an input; nothing where several have.
  static std::optional<PopulationIndex> driven_population(const RightHandSide& f) {
    std::optional<PopulationIndex> driven;
    for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
      const ConstMatrixView input = f.input(p);
      const std::span<const double> values(input.data, input.stride * input.columns);
      if (std::ranges::all_of(values, [](double value) { return value == 0; })) continue;
      if (driven) return std::nullopt;
      driven = p;
    }
    return driven;
  }

  /// Changes x only where it returns a result.
  std::optional<SolverRun> accelerated(RightHandSide& f, State& x, const Segment& segment) {
    if (!can_reduce(kind_, settings_) || f.has_drives() || !f.circuit().plasticity().empty()) return std::nullopt;
    if (f.circuit().looks_back() || f.circuit().has_circles()) return std::nullopt;
    if (!std::ranges::all_of(x, [](double value) { return value == 0; })) return std::nullopt;
    const auto driven = driven_population(f);
    if (!driven) return std::nullopt;
    ReducedLoop* loop = known(f.circuit(), *driven);
    if (loop == nullptr) return std::nullopt;
    const std::size_t steps = steps_of(kind_, settings_, segment.duration);
    const std::size_t columns = f.layout().columns();
    if (steps > settings_.max_steps) return std::nullopt;
    if (cheapest(*loop, kind_, steps, columns, true) == AcceleratedForm::reference) return std::nullopt;

    loop->load(f);
    const AcceleratedForm form = cheapest(*loop, kind_, steps, columns, loop->columns_are_alike());
    SolverSettings within = settings_;
    within.divergence_limit /= loop->growth();
    SolverRun result;
    State z;
    if (form == AcceleratedForm::reduced) {
      z.assign(loop->f().layout().size(), 0.0);
      result = make_reference_solver(kind_, within)->run(loop->f(), z, segment, nullptr, 0);
      if (result.diverged() != nullptr) return std::nullopt;
    } else {
      // no input depends on time
      const auto step = [&](RightHandSide& g, State& state, std::size_t count) {
        scheme_.start(g, state, settings_.dt);
        scheme_.advance(g, state, {.start = segment.start, .dt = settings_.dt, .first = 0, .count = count});
      };
      auto end = form == AcceleratedForm::strided
                     ? loop->stride(steps, loop->stride_cost(steps, columns, cost_of_step(columns)).length, step,
                                    within.divergence_limit)
                     : loop->propagate(steps, step, within.divergence_limit);
      if (!end) return std::nullopt;
      z = std::move(*end);
      result.evaluations = scheme_.evaluations_per_step;
      result.columns.assign(columns, {Ending::finished, segment.start + segment.duration, 0, steps});
      result.steps = steps;
    }
    lifted_.assign(x.size(), 0.0);
    loop->lift(z, lifted_);
    x.swap(lifted_);
    return result;
  }

  const SolverKind& kind_;
  SolverSettings settings_;
  std::unique_ptr<Solver> reference_;
  Scheme scheme_;
  std::vector<Known> known_;
  State lifted_;
};

}  // namespace

std::unique_ptr<Solver> make_accelerated_solver(const SolverKind& kind, const SolverSettings& settings) {
  return std::make_unique<AcceleratedSolver>(kind, settings);
}

FormOfCircuit accelerated_form(const Circuit& circuit, PopulationIndex driven, const SolverKind& kind,
                               const SolverSettings& settings, double duration, std::size_t columns) {
  if (!can_reduce(kind, settings)) return {};
  const auto loop = ReducedLoop::of(circuit, driven);
  if (!loop) return {};
  const AcceleratedForm form = cheapest(*loop, kind, steps_of(kind, settings, duration), columns, true);
  if (form == AcceleratedForm::reference) return {};
  return {form, loop->units(), values_of(form, *loop, columns)};
}

}  // namespace dynvert
