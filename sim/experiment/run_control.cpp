#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/run_control.hpp>
#include <dynvert/sim/platform/interruption.hpp>

#include <algorithm>

namespace dynvert {

namespace {

/// A commit may take one part in so many of the time between commits, on a slow disk too.
constexpr double min_share = 20;

/// Seconds; a stop that waits for less goes unnoticed.
constexpr double min_work = 0.3;

/// When the next commit is due.
class CommitClock {
 public:
  explicit CommitClock(double interval) : interval_(interval) {}
  /// An interval of 0 asks for a commit after each block, however long commits take.
  [[nodiscard]] bool is_due() const {
    return interval_ == 0 || seconds_since(last_) > std::max(interval_, min_share * seconds_);
  }
  /// Whether so much work is to be safe before more of the kind is done, which may be given up.
  [[nodiscard]] bool is_worth(double seconds_of_work) const {
    return seconds_of_work > std::max(min_work, min_share * seconds_);
  }
  template <typename Commit>
  void time(const Commit& commit) {
    const auto begun = Clock::now();
    commit();
    last_ = Clock::now();
    seconds_ = seconds_since(begun);
  }

 private:
  double interval_, seconds_ = 0;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

RunStatus BlockExperiment::run(Recorder& recorder, const RunControl& control) {
  begin(recorder);
  const std::size_t before = restore(recorder);
  const auto start = Clock::now();
  CommitClock commits(commit_interval_);
  std::size_t done = before, committed = before;
  while (done < trials_ && !control.stopped()) {
    const std::size_t count = std::min(block_size(done), trials_ - done);
    const auto block_start = Clock::now();
    const auto progress = [&](double time, double duration) {
      if (!control.progress || seconds_since(block_start) < min_work) return;
      control.progress({.trials_done = done,
                        .trials = trials_,
                        .first = before,
                        .seconds = seconds_since(start),
                        .loss = {},
                        .time = time,
                        .duration = duration});
    };
    try {
      // A block is given up where nothing is lost but the block itself.
      const InterruptionScope scope(committed == done ? control.stop : nullptr, progress);
      run_block(recorder, done, count);
    } catch (const Interrupted&) {
      give_up_block(done);
      end(recorder, done, "interrupted");
      return RunStatus::interrupted;
    } catch (const NumericalError&) {
      end(recorder, trials_done(), "diverged");
      throw;
    }
    done += count;
    if (commits.is_due() || commits.is_worth(seconds_since(block_start))) {
      commits.time([&] { commit(recorder, done); });
      committed = done;
    }
    if (control.progress) {
      control.progress({.trials_done = done,
                        .trials = trials_,
                        .first = before,
                        .seconds = seconds_since(start),
                        .loss = losses(),
                        .time = {},
                        .duration = {}});
    }
  }
  const bool complete = done == trials_;
  // what a run that is resumed starts from: whatever `end` adds comes after it
  if (!complete) commit(recorder, done);
  end(recorder, done, complete ? "complete" : "interrupted");
  return complete ? RunStatus::complete : RunStatus::interrupted;
}

}  // namespace dynvert
