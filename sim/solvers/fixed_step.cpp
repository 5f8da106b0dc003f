// What the solvers with a fixed step share: which steps are taken, samples, columns that end.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/platform/interruption.hpp>
#include <dynvert/sim/solvers/columns.hpp>
#include <dynvert/sim/solvers/fixed_step.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace dynvert {

namespace {

class FixedStepSolver final : public Solver {
 public:
  FixedStepSolver(const SolverSettings& settings, Scheme scheme) : settings_(settings), scheme_(std::move(scheme)) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    if (!scheme_.adds_noise) refuse_noise(f.circuit());
    const std::size_t steps = whole_steps(segment.duration, settings_.dt, "duration");
    if (steps > settings_.max_steps) {
      throw NumericalError("fixed-step solver",
                           fmt::format("{} steps, more than max_steps = {}", steps, settings_.max_steps),
                           "a larger dt, a shorter duration, or a larger max_steps", Fault::step_limit);
    }
    Progress run{.full = f.layout(), .f = &f, .trajectory = trajectory, .start = segment.start};
    run.columns.resize(f.layout().columns());
    std::iota(run.columns.begin(), run.columns.end(), std::size_t{0});
    run.result.columns.assign(f.layout().columns(), {Ending::finished, segment.start + segment.duration, 0, steps});
    run.result_state = &x;
    if (trajectory != nullptr) {
      run.every = whole_steps(interval, settings_.dt, "interval between samples");
      trajectory->start(f.layout(), segment.start, interval);
      f.complete(x, segment.start);
      trajectory->append(x);
    }
    run.x.assign(x.begin(), x.end());
    scheme_.start(*run.f, run.x, settings_.dt);
    while (run.done < steps && !run.columns.empty()) {
      // With every step checked a small loop would lose a fifth of its speed to the checks: a few steps are taken on
      // trust, and taken again one by one if the last of them is out of range.
      const std::size_t unchecked =
          settings_.settle_tolerance > 0 ? 1 : std::min(steps_between_checks, steps - run.done);
      before_.assign(run.x.begin(), run.x.end());
      const std::size_t samples = trajectory != nullptr ? trajectory->samples() : 0;
      const std::size_t done = run.done;
      work_advanced(static_cast<double>(done) * settings_.dt, segment.duration);
      const std::size_t evaluations = run.result.evaluations;
      advance(run, unchecked);
      if (any_out_of_range(run.x, settings_.divergence_limit)) {
        if (unchecked > 1) {
          std::ranges::copy(before_, run.x.begin());
          run.done = done;
          run.result.evaluations = evaluations;
          if (trajectory != nullptr) trajectory->truncate(samples);
          scheme_.start(*run.f, run.x, settings_.dt);
          for (std::size_t k = 0; k < unchecked && !run.columns.empty(); ++k) {
            advance(run, 1);
            retire(run);
          }
          continue;
        }
        retire(run);
      } else if (settings_.settle_tolerance > 0) {
        retire(run);
      }
    }
    run.f->complete(run.x, time(run));
    for (std::size_t c = 0; c < run.columns.size(); ++c) store(run, c);
    if (trajectory != nullptr && run.columns.empty()) {
      const State nothing(run.full.size(), std::numeric_limits<double>::quiet_NaN());
      while (trajectory->samples() < steps / run.every + 1) trajectory->append(nothing);
    }
    run.result.steps = run.done;
    return run.result;
  }

 private:
  /// A run under way: the columns that are left, and where their results go.
  struct Progress {
    Layout full;
    RightHandSide* f = nullptr;  ///< the caller's, or `reduced` once a column has ended
    Trajectory* trajectory = nullptr;
    double start = 0;
    std::size_t every = 1;
    std::size_t done = 0;
    State x{};
    State* result_state = nullptr;
    std::vector<std::size_t> columns{};
    std::optional<RightHandSide> reduced{};
    SolverRun result{};
  };

  [[nodiscard]] double time(const Progress& run) const {
    return run.start + static_cast<double>(run.done) * settings_.dt;
  }

  void take_steps(Progress& run, std::size_t count) {
    const Steps steps{.start = run.start, .dt = settings_.dt, .first = run.done, .count = count};
    run.done += count;
    if (!run.f->looks_back()) return scheme_.advance(*run.f, run.x, steps);
    for (std::size_t k = steps.first; k < steps.first + count; ++k) {
      run.f->complete(run.x, steps.time(k));
      run.f->look(run.x);
      scheme_.advance(*run.f, run.x, {.start = steps.start, .dt = steps.dt, .first = k, .count = 1});
      run.f->step_back(run.x);
    }
  }

  void advance(Progress& run, std::size_t steps) {
    const std::size_t end = run.done + steps;
    while (run.done < end) {
      const std::size_t to_sample = run.trajectory != nullptr ? run.every - run.done % run.every : steps;
      const std::size_t count = std::min(to_sample, end - run.done);
      take_steps(run, count);
      if (run.trajectory == nullptr || run.done % run.every != 0) continue;
      run.f->complete(run.x, time(run));
      sample(run);
    }
    run.result.evaluations += steps * scheme_.evaluations_per_step * run.columns.size();
  }

  static void sample(Progress& run) {
    if (run.columns.size() == run.full.columns()) return run.trajectory->append(run.x);
    State padded_state(run.full.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t c = 0; c < run.columns.size(); ++c) {
      run.full.scatter(run.f->layout().gather(run.x, c), run.columns[c], padded_state);
    }
    run.trajectory->append(padded_state);
  }

  static void store(Progress& run, std::size_t c) {
    run.full.scatter(run.f->layout().gather(run.x, c), run.columns[c], *run.result_state);
  }

  /// Ends the columns that have diverged or settled, and continues with the others.
  void retire(Progress& run) {
    const Layout layout = run.f->layout();
    std::vector<std::size_t> kept;
    run.f->complete(run.x, time(run));
    if (settings_.settle_tolerance > 0) {
      slope_.resize(layout.size());
      (*run.f)(run.x, slope_, time(run));
      ++run.result.evaluations;
    }
    // columns that share weights which move end together
    if (run.columns.size() > 1 && !run.f->circuit().plasticity().empty()) {
      for (std::size_t c = 0; c < run.columns.size(); ++c) {
        const auto population = out_of_range(layout, run.x, c, settings_.divergence_limit);
        if (!population) continue;
        for (std::size_t i = 0; i < run.columns.size(); ++i) store(run, i);
        std::ranges::fill(run.result.columns, ColumnEnd{Ending::diverged, time(run), *population, run.done});
        run.columns.clear();
        return;
      }
    }
    for (std::size_t c = 0; c < run.columns.size(); ++c) {
      ColumnEnd& end = run.result.columns[run.columns[c]];
      if (const auto population = out_of_range(layout, run.x, c, settings_.divergence_limit)) {
        end = {Ending::diverged, time(run), *population, run.done};
      } else if (settings_.settle_tolerance > 0 && has_settled(*run.f, run.x, slope_, c, settings_.settle_tolerance)) {
        end = {Ending::settled, time(run), 0, run.done};
      } else {
        kept.push_back(c);
        continue;
      }
      store(run, c);
    }
    if (kept.size() == run.columns.size()) return;
    std::vector<std::size_t> columns;
    for (const std::size_t c : kept) columns.push_back(run.columns[c]);
    if (!kept.empty()) {
      if (!run.reduced) {
        run.reduced.emplace(*run.f);
        run.f = &*run.reduced;
      }
      run.f->keep_columns(kept);
      State x(run.f->layout().size());
      for (std::size_t c = 0; c < kept.size(); ++c) run.f->layout().scatter(layout.gather(run.x, kept[c]), c, x);
      run.x = std::move(x);
      scheme_.start(*run.f, run.x, settings_.dt);
    }
    run.columns = std::move(columns);
  }

  SolverSettings settings_;
  Scheme scheme_;
  State before_, slope_;
};

}  // namespace

std::size_t whole_steps(double duration, double h, std::string_view what) {
  const double ratio = duration / h;
  const double whole = std::round(ratio);
  if (!(whole >= 1) || std::abs(ratio - whole) > 1e-9 * whole) {
    throw ValueError(std::string(what), fmt::format("{} is not a whole multiple of the step {}", duration, h),
                     fmt::format("{} or {}", std::max(1.0, std::floor(ratio)) * h, (std::floor(ratio) + 1) * h));
  }
  return static_cast<std::size_t>(whole);
}

std::unique_ptr<Solver> make_fixed_step(const SolverSettings& settings, Scheme scheme) {
  return std::make_unique<FixedStepSolver>(settings, std::move(scheme));
}

}  // namespace dynvert
