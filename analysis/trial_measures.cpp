#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/analysis/trial_measures.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dynvert {

LoopView TrialView::loop(std::size_t l) const {
  for (const StageResult& r : stages_) {
    const auto found = std::ranges::find(r.stage->loops, l, &ControlLoop::number);
    if (found != r.stage->loops.end()) return {&r, &*found};
  }
  throw ValueError("trial", fmt::format("has no loop {}", l), "the numbers of its loops");
}

const FeedbackPath& TrialView::path(std::size_t l) const {
  const auto found = std::ranges::find(paths_, l, &FeedbackPath::number);
  if (found == paths_.end())
    throw ValueError("trial", fmt::format("has no feedback {}", l), "the numbers of its paths");
  return *found;
}

const Credit& TrialView::backprop() const {
  if (!backprop_) credit_model("backprop").assign(network_, feedback_, activity_, backprop_.emplace());
  return *backprop_;
}

const Credit& TrialView::pseudo_backprop() const {
  if (!pseudo_backprop_)
    credit_model("pseudo_backprop").assign(network_, feedback_, activity_, pseudo_backprop_.emplace());
  return *pseudo_backprop_;
}

const State& TrialView::steady_state(const StageResult& r) const {
  const auto found = std::ranges::find(steady_states_, r.stage, &std::pair<const Stage*, State>::first);
  if (found != steady_states_.end()) return found->second;
  // from the state that the trial came to: of a nonlinear circuit's steady states, the one that it was heading for
  return steady_states_.emplace_back(r.stage, dynvert::steady_state(*r.f, *r.x).x).second;
}

const Credit& TrialView::steady() const {
  if (steady_) return *steady_;
  Credit& credit = steady_.emplace(credit_.size());
  credit.back() = credit_.back();
  Activity activity = activity_;
  for (const StageResult& r : stages_) {
    // The first stage is driven as in the trial; those after it by what the trial did not have.
    if (&r == stages_.data()) {
      r.stage->read(network_, *r.f, steady_state(r), activity, credit);
      continue;
    }
    RightHandSide f = *r.f;
    State x = *r.x;
    r.stage->begin(network_, activity, credit, f);
    r.stage->enter(network_, activity, credit, r.phase, f, x);
    r.stage->read(network_, f, dynvert::steady_state(f, x).x, activity, credit);
  }
  return credit;
}

namespace {

/// arccos of the angle between B and -(W_top .. W_{bottom+1})' of its path (figure 3c of the paper)
double angle_feedback(const TrialView& trial, std::size_t l) {
  const FeedbackPath& path = trial.path(l);
  return angle_degrees(trial.feedback()[l], -trial.network().path(path.bottom, path.top).t());
}

double angle_ndi(const TrialView& trial, std::size_t l) { return angle_degrees(trial.credit()[l], trial.steady()[l]); }
double angle_pbp(const TrialView& trial, std::size_t l) {
  return angle_degrees(trial.credit()[l], trial.pseudo_backprop()[l]);
}
double angle_bp(const TrialView& trial, std::size_t l) { return angle_degrees(trial.credit()[l], trial.backprop()[l]); }

/// Of the first column: a linear loop's Jacobian is the same for all.
double abscissa(const TrialView& trial, std::size_t l) {
  const auto [r, loop] = trial.loop(l);
  return r->abscissa ? *r->abscissa : spectral_abscissa(*r->f, *r->x, 0, loop->members);
}

/// The largest over read-outs and columns; NaN where one has not settled.
double settling(const TrialView& trial, std::size_t l) {
  const auto [r, loop] = trial.loop(l);
  double latest = 0;
  for (const auto& readout : loop->readouts) {
    const auto x_inf = r->f->layout().view(std::span<const double>(trial.steady_state(*r)), readout.first);
    for (std::size_t c = 0; c < x_inf.columns; ++c) {
      const arma::vec target(x_inf.column(c).data(), x_inf.units);
      const auto time = settling_time(*r->trajectory, readout.first, c, target, settling_band, r->phase.start,
                                      r->phase.start + r->phase.duration);
      if (!time) return arma::datum::nan;
      latest = std::max(latest, *time);
    }
  }
  return latest;
}

/// |W f(delta) - alpha u - s| / |s| = |tau_u du/dt| / |s| where the credit is read
double residual(const TrialView& trial, std::size_t l) {
  const auto [r, loop] = trial.loop(l);
  State dxdt(r->x->size());
  (*r->f)(*r->x, dxdt, 0.0);
  const arma::mat slope = to_matrix(r->f->layout().view(std::span<const double>(dxdt), loop->controller));
  return r->f->tau(loop->controller, 0) * arma::norm(slope, "fro") / arma::norm(trial.credit()[loop->source], "fro");
}

}  // namespace

bool converged(const TrialView& trial, std::size_t l) {
  const auto [r, loop] = trial.loop(l);
  const Layout& layout = r->f->layout();
  for (const auto& readout : loop->readouts) {
    const auto x_inf = layout.view(std::span<const double>(trial.steady_state(*r)), readout.first);
    const auto x = layout.view(std::span<const double>(*r->x), readout.first);
    for (std::size_t c = 0; c < x.columns; ++c) {
      const arma::vec end(x.column(c).data(), x.units);
      const arma::vec target(x_inf.column(c).data(), x.units);
      if (!(arma::norm(end - target) <= settling_band * arma::norm(target))) return false;
    }
  }
  return true;
}

std::span<const TrialMeasure> trial_measures() {
  using Of = TrialMeasure::Of;
  static const std::array measures{
      TrialMeasure{.name = "angle_feedback",
                   .units = "degree",
                   .description = "angle between B_l and minus the transposed weights of the path that it closes",
                   .of = Of::feedback,
                   .value = angle_feedback},
      TrialMeasure{.name = "angle_ndi",
                   .units = "degree",
                   .description = "angle between the credit signal of layer l and that of the settled loops (NDI)",
                   .of = Of::credit,
                   .needs_loops = true,
                   .value = angle_ndi},
      TrialMeasure{.name = "angle_pbp",
                   .units = "degree",
                   .description = "angle between the credit signal of layer l and pseudo-backpropagation's",
                   .of = Of::credit,
                   .value = angle_pbp},
      TrialMeasure{.name = "angle_bp",
                   .units = "degree",
                   .description = "angle between the credit signal of layer l and backpropagation's",
                   .of = Of::credit,
                   .value = angle_bp},
      TrialMeasure{.name = "spectral_abscissa",
                   .units = "1/time",
                   .description = "largest real part of the spectrum of the loop",
                   .of = Of::loop,
                   .value = abscissa},
      TrialMeasure{.name = "settling_time",
                   .units = "time",
                   .description =
                       "earliest time from which the loop's credit signals stay within 2 % of their steady state; "
                       "NaN: not within the trial",
                   .of = Of::loop,
                   .needs_trajectory = true,
                   .value = settling},
      TrialMeasure{.name = "residual",
                   .units = "1",
                   .description = "|W f(delta) - alpha u - s| / |s| where the credit is read",
                   .of = Of::loop,
                   .value = residual},
  };
  return measures;
}

}  // namespace dynvert
