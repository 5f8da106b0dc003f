#include <dynvert/sim/platform/interruption.hpp>

#include <utility>

namespace dynvert {

namespace {

/// Handing it down to every solver would put it in the signature of all that lies between.
thread_local InterruptionScope* current_scope = nullptr;
thread_local bool reports = false;  ///< this thread opened the scope

/// Progress is told after so many calls, of a few steps each: the clock is not to be asked at each.
constexpr unsigned calls_between_reports = 64;

}  // namespace

InterruptionScope::InterruptionScope(const std::atomic<bool>* stop, Progress progress)
    : stop_(stop), progress_(std::move(progress)), outer_(current_scope) {
  current_scope = this;
  reports = true;
}

InterruptionScope::~InterruptionScope() {
  current_scope = outer_;
  reports = outer_ != nullptr;
}

InterruptionScope* InterruptionScope::current() noexcept { return current_scope; }

void InterruptionScope::enter(InterruptionScope* scope) noexcept { current_scope = scope; }

void work_advanced(double done, double all) {
  InterruptionScope* const scope = current_scope;
  if (scope == nullptr) return;
  if (scope->stop_ != nullptr && *scope->stop_) throw Interrupted();
  if (!reports || !scope->progress_ || ++scope->calls_ % calls_between_reports != 0) return;
  scope->progress_(done, all);
}

}  // namespace dynvert
