#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>

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

const arma::mat& TrialView::change(std::size_t matrix) const {
  if (!changes_) changes_ = learning_->changes();
  return (*changes_)[matrix];
}

const arma::mat& TrialView::gradient(std::size_t matrix) const {
  if (!gradient_) gradient_ = learning_->gradient();
  return (*gradient_)[matrix];
}

const arma::mat& TrialView::gauss_newton(std::size_t matrix) const {
  if (!gauss_newton_) gauss_newton_ = learning_->gauss_newton();
  return (*gauss_newton_)[matrix];
}

const Credit& TrialView::backprop() const {
  if (!backprop_) credit_model("backprop").assign(network_, feedback_, activity_, {}, backprop_.emplace());
  return *backprop_;
}

const Credit& TrialView::pseudo_backprop() const {
  if (!pseudo_backprop_)
    credit_model("pseudo_backprop").assign(network_, feedback_, activity_, {}, pseudo_backprop_.emplace());
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

const LinearisedLoop& TrialView::linearised(std::size_t l) const {
  const auto [r, l_loop] = loop(l);
  const auto is_it = [control = l_loop](const LinearisedLoop& known) { return known.place()->loop == control; };
  const auto found = std::ranges::find_if(linearised_, is_it);
  if (found != linearised_.end()) return *found;
  return linearised_.emplace_back(LinearisedLoop::Place{r->f, r->x, l_loop}, r->abscissa);
}

}  // namespace dynvert
