#pragma once

/// Long work that can be given up in the middle, and says how far it is. Who starts the work opens a scope; the work,
/// however deep below, calls `work_advanced` as often as it likes. Work without a scope is never given up.

#include <atomic>
#include <exception>
#include <functional>

namespace dynvert {

/// The work was given up because it was asked to stop. What it had computed is incomplete.
class Interrupted : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

/// Of one thread, and of the threads that parallel_for starts from it.
class InterruptionScope {
 public:
  /// How far a part of the work is: of a solver, times.
  using Progress = std::function<void(double done, double all)>;

  /// @param stop      nullptr: the work is not given up
  /// @param progress  called on the thread of the scope alone; nullptr: nobody asks
  InterruptionScope(const std::atomic<bool>* stop, Progress progress);
  ~InterruptionScope();
  InterruptionScope(const InterruptionScope&) = delete;
  InterruptionScope& operator=(const InterruptionScope&) = delete;

  /// The scope that this thread is in; nullptr: none.
  [[nodiscard]] static InterruptionScope* current() noexcept;
  /// Puts another thread into a scope that outlives it, without progress.
  static void enter(InterruptionScope* scope) noexcept;

 private:
  friend void work_advanced(double done, double all);

  const std::atomic<bool>* stop_;
  Progress progress_;
  InterruptionScope* outer_;
  unsigned calls_ = 0;
};

/// @throws Interrupted  the scope of this thread is asked to stop
void work_advanced(double done, double all);

}  // namespace dynvert
