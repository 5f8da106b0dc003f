// What the trajectory of a trial's loops shows, and what is left at its end.

#include <dynvert/analysis/amplification.hpp>
#include <dynvert/analysis/decay.hpp>
#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/trial/measures.hpp>

#include <algorithm>

namespace dynvert {

namespace {

/// A measure of the phase in which credit was read.
TrialMeasure of_trajectory(const char* name, const char* label, const char* units, const char* description,
                           double (*value)(const TrialView&, const LoopView&)) {
  return {.name = name,
          .label = label,
          .units = units,
          .description = description,
          .of = TrialMeasure::Of::loop,
          .needs_trajectory = true,
          .value = [value](const TrialView& trial, std::size_t l) { return value(trial, trial.loop(l)); }};
}

double end_of(const Phase& phase) { return phase.start + phase.duration; }

/// The largest over read-outs and columns; NaN where one has not settled.
double settling(const TrialView& trial, const LoopView& view) {
  const auto [r, loop] = view;
  double latest = 0;
  for (const auto& readout : loop->readouts) {
    const auto x_inf = r->f->layout().view(std::span<const double>(trial.steady_state(*r)), readout.first);
    for (std::size_t c = 0; c < x_inf.columns; ++c) {
      const arma::vec target(x_inf.column(c).data(), x_inf.units);
      const auto time = settling_time(*r->trajectory, readout.first, c, target, r->stage->settling_band, r->phase.start,
                                      end_of(r->phase));
      if (!time) return arma::datum::nan;
      latest = std::max(latest, *time);
    }
  }
  return latest;
}

double largest_overshoot(const TrialView& trial, const LoopView& view) {
  const auto [r, loop] = view;
  double largest = arma::datum::nan;
  for (const auto& readout : loop->readouts) {
    for (std::size_t c = 0; c < r->f->layout().columns(); ++c) {
      largest = std::fmax(largest, overshoot(*r->trajectory, readout.first, c, trial.steady_state(*r), r->phase.start,
                                             end_of(r->phase)));
    }
  }
  return largest;
}

double largest_amplification(const TrialView& trial, const LoopView& view) {
  const auto [r, loop] = view;
  double largest = arma::datum::nan;
  for (std::size_t c = 0; c < r->f->layout().columns(); ++c) {
    largest = std::fmax(largest, transient_amplification(*r->trajectory, loop->members, c, trial.steady_state(*r),
                                                         r->phase.start, end_of(r->phase)));
  }
  return largest;
}

double decay_rate(const TrialView& trial, const LoopView& view) {
  const auto [r, loop] = view;
  const auto fit = fit_decay(*r->trajectory, loop->members, 0, trial.steady_state(*r), decay_floor, r->phase.start,
                             end_of(r->phase));
  return fit ? fit->rate : arma::datum::nan;
}

}  // namespace

double loop_residual(const TrialView& trial, std::size_t l) {
  const auto [r, loop] = trial.loop(l);
  State dxdt(r->x->size());
  (*r->f)(*r->x, dxdt, 0.0);
  const arma::mat slope = to_matrix(r->f->layout().view(std::span<const double>(dxdt), loop->controller));
  return r->f->tau(loop->controller, 0) * arma::norm(slope, "fro") / arma::norm(trial.credit()[loop->source], "fro");
}

bool converged(const TrialView& trial, std::size_t l) {
  const auto [r, loop] = trial.loop(l);
  const Layout& layout = r->f->layout();
  for (const auto& readout : loop->readouts) {
    const auto x_inf = layout.view(std::span<const double>(trial.steady_state(*r)), readout.first);
    const auto x = layout.view(std::span<const double>(*r->x), readout.first);
    for (std::size_t c = 0; c < x.columns; ++c) {
      const arma::vec end(x.column(c).data(), x.units);
      const arma::vec target(x_inf.column(c).data(), x.units);
      if (!(arma::norm(end - target) <= r->stage->settling_band * arma::norm(target))) return false;
    }
  }
  return true;
}

TrialMeasure settling_time_measure() {
  TrialMeasure measure = of_trajectory(
      "settling_time", "settling time", "time",
      "time after which the loop's credit signals stay within settling_band (2 % by default) of their steady state; "
      "NaN: not within the trial",
      settling);
  measure.summary = OverTrials::median;
  measure.late_where_missing = true;
  measure.mark = "settled";
  return measure;
}

TrialMeasure overshoot_measure() {
  return of_trajectory(
      "overshoot", "overshoot", "1",
      "by how much the loop's credit signals overshoot their steady state, in its direction and relative to "
      "it",
      largest_overshoot);
}

TrialMeasure amplification_measure() {
  return of_trajectory("amplification", "transient amplification", "1",
                       "largest norm of the loop's state over that of its steady state", largest_amplification);
}

TrialMeasure decay_rate_measure() {
  return of_trajectory(
      "decay_rate", "decay rate, fitted to the trajectory", "1/time",
      "fitted rate at which the loop's state approaches its steady state at the end, of the first sample; the "
      "spectral abscissa predicts it",
      decay_rate);
}

TrialMeasure residual_measure() {
  return {.name = "residual",
          .label = "residual |W f(delta) - alpha u - s| / |s|",
          .units = "1",
          .description = "|W f(delta) - alpha u - s| / |s| where the credit is read",
          .of = TrialMeasure::Of::loop,
          .value = loop_residual};
}

}  // namespace dynvert
