#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/analysis/trial_measures.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dynvert {

const LoopResult& TrialView::loop(std::size_t l) const {
  const auto found = std::ranges::find_if(loops_, [&](const LoopResult& r) { return r.loop->layer == l; });
  if (found == loops_.end()) throw ValueError("trial", fmt::format("has no loop {}", l), "the layers of its loops");
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

const State& TrialView::steady_state(std::size_t l) const {
  const auto found = std::ranges::find(steady_states_, l, &std::pair<std::size_t, State>::first);
  if (found != steady_states_.end()) return found->second;
  RightHandSide& f = *loop(l).f;
  return steady_states_.emplace_back(l, dynvert::steady_state(f, State(f.layout().size())).x).second;
}

const Credit& TrialView::steady() const {
  if (steady_) return *steady_;
  Credit& credit = steady_.emplace(credit_.size());
  credit.back() = credit_.back();
  for (const LoopResult& r : loops_) {
    // The first loop is driven by e itself, as in the trial; those below by a credit that the trial did not have.
    if (&r == loops_.data()) {
      r.loop->read(network_, activity_, *r.f, steady_state(r.loop->layer), credit);
      continue;
    }
    RightHandSide f = *r.f;
    r.loop->drive(network_, activity_, credit, f);
    r.loop->read(network_, activity_, f, dynvert::steady_state(f, State(f.layout().size())).x, credit);
  }
  return credit;
}

namespace {

/// arccos of the angle between B_l and -W_l' (figure 3c of the paper)
double angle_feedback(const TrialView& trial, std::size_t l) {
  return angle_degrees(trial.feedback()[l], -trial.network().W[l].t());
}

double angle_ndi(const TrialView& trial, std::size_t l) { return angle_degrees(trial.credit()[l], trial.steady()[l]); }
double angle_pbp(const TrialView& trial, std::size_t l) {
  return angle_degrees(trial.credit()[l], trial.pseudo_backprop()[l]);
}
double angle_bp(const TrialView& trial, std::size_t l) { return angle_degrees(trial.credit()[l], trial.backprop()[l]); }

/// Of the first column: a linear loop's Jacobian is the same for all.
double abscissa(const TrialView& trial, std::size_t l) {
  const LoopResult& r = trial.loop(l);
  return r.abscissa ? *r.abscissa : spectral_abscissa(*r.f, *r.x, 0);
}

/// The largest over the columns; NaN where one has not settled.
double settling(const TrialView& trial, std::size_t l) {
  const LoopResult& r = trial.loop(l);
  const auto x_inf = r.f->layout().view(std::span<const double>(trial.steady_state(l)), r.loop->readout);
  double latest = 0;
  for (std::size_t c = 0; c < x_inf.columns; ++c) {
    const arma::vec target(x_inf.column(c).data(), x_inf.units);
    const auto time = settling_time(*r.trajectory, r.loop->readout, c, target, settling_band);
    if (!time) return arma::datum::nan;
    latest = std::max(latest, *time);
  }
  return latest;
}

/// |W f(delta) - alpha u - s| / |s| = |tau_u du/dt| / |s| at the end
double residual(const TrialView& trial, std::size_t l) {
  const LoopResult& r = trial.loop(l);
  State dxdt(r.x->size());
  (*r.f)(*r.x, dxdt, 0.0);
  const PopulationIndex u = r.loop->controller;
  const arma::mat slope = to_matrix(r.f->layout().view(std::span<const double>(dxdt), u));
  const arma::mat s = to_matrix(std::as_const(*r.f).input(u));
  return r.f->circuit().populations()[u].tau * arma::norm(slope, "fro") / arma::norm(s, "fro");
}

}  // namespace

bool converged(const TrialView& trial, std::size_t l) {
  const LoopResult& r = trial.loop(l);
  const Layout& layout = r.f->layout();
  const auto x_inf = layout.view(std::span<const double>(trial.steady_state(l)), r.loop->readout);
  const auto x = layout.view(std::span<const double>(*r.x), r.loop->readout);
  for (std::size_t c = 0; c < x.columns; ++c) {
    const arma::vec end(x.column(c).data(), x.units);
    const arma::vec target(x_inf.column(c).data(), x.units);
    if (!(arma::norm(end - target) <= settling_band * arma::norm(target))) return false;
  }
  return true;
}

std::span<const TrialMeasure> trial_measures() {
  using Of = TrialMeasure::Of;
  static const std::array measures{
      TrialMeasure{.name = "angle_feedback",
                   .units = "degree",
                   .description = "angle between B_l and -W_l'",
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
                   .description = "largest real part of the spectrum of the loop that inverts W_l",
                   .of = Of::loop,
                   .value = abscissa},
      TrialMeasure{.name = "settling_time",
                   .units = "time",
                   .description =
                       "earliest time from which the loop's read-out stays within 2 % of its steady state; NaN: "
                       "not within the trial",
                   .of = Of::loop,
                   .needs_trajectory = true,
                   .value = settling},
      TrialMeasure{.name = "residual",
                   .units = "1",
                   .description = "|W_l f(delta) - alpha u - s| / |s| at the end of the trial",
                   .of = Of::loop,
                   .value = residual},
  };
  return measures;
}

}  // namespace dynvert
