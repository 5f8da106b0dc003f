// dynvert sweep: the runs of a sweep in processes of their own, and the index of what came of them.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/commands/progress.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/process_pool.hpp>
#include <dynvert/sim/platform/stop_signals.hpp>
#include <dynvert/sim/sweep/folder.hpp>

#include <fmt/ostream.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <numeric>
#include <thread>

namespace dynvert {

namespace {

using Clock = std::chrono::steady_clock;

/// Of larger sweeps the index is written once a second, not whenever a run begins or ends.
constexpr std::size_t small_sweep = 1000;

class SweepRun {
 public:
  SweepRun(const SweepArguments& arguments, const SweepPlan& plan, SweepFolder& folder, const std::atomic<bool>& stop,
           std::ostream& err);

  /// @return the exit code of the sweep
  int run();
  /// "20 runs, 18 complete, 2 diverged"
  [[nodiscard]] std::string counts() const;

 private:
  std::vector<std::string> start(std::size_t point);
  void hear(std::size_t point, const std::string& line);
  void say(std::size_t point, const std::string& line);
  void end(std::size_t point, const ProcessEnd& end);
  void tick(std::size_t running);
  void write_index();
  [[nodiscard]] std::int64_t trials_done() const;
  [[nodiscard]] std::size_t count(PointStatus status) const;
  [[nodiscard]] const std::string& name(std::size_t point) const { return plan_.table.points[point].name; }

  const SweepArguments& arguments_;
  const SweepPlan& plan_;
  SweepFolder& folder_;
  const std::atomic<bool>& stop_;
  std::ostream& err_;
  ProgressLine progress_;
  std::vector<PointState> states_;
  std::vector<int> codes_;           ///< exit codes of the points
  std::vector<std::size_t> to_run_;  ///< points
  std::size_t ended_ = 0;            ///< of to_run_
  std::int64_t trials_before_ = 0;   ///< that were done when the sweep began or was resumed
  Clock::time_point begin_ = Clock::now(), next_write_ = {};
  bool index_is_old_ = false;
  std::string index_fault_;   ///< why it could not be written; empty: it was
  std::string config_fault_;  ///< why no more runs are started; empty: they are
};

SweepRun::SweepRun(const SweepArguments& arguments, const SweepPlan& plan, SweepFolder& folder,
                   const std::atomic<bool>& stop, std::ostream& err)
    : arguments_(arguments),
      plan_(plan),
      folder_(folder),
      stop_(stop),
      err_(err),
      progress_(err, can_rewrite(STDERR_FILENO)),
      states_(folder.states()),
      codes_(states_.size(), exit_done) {
  for (std::size_t p = 0; p < states_.size(); ++p) {
    if (states_[p].status == PointStatus::diverged) codes_[p] = exit_numerical;
    if (states_[p].status == PointStatus::not_run || states_[p].status == PointStatus::interrupted)
      to_run_.push_back(p);
  }
  trials_before_ = trials_done();
  folder_.write_index(states_);
}

std::vector<std::string> SweepRun::start(std::size_t point) {
  // every run reads the configuration itself
  try {
    if (read_config_text(arguments_.config.path) != plan_.text) config_fault_ = "has changed since the sweep began";
  } catch (const ConfigError& error) {
    config_fault_ = error.data().fault;
  }
  if (!config_fault_.empty()) return {};
  PointState& state = states_[point];
  const bool resumed = state.status == PointStatus::interrupted;
  state.status = PointStatus::interrupted;
  write_index();
  return command_of(arguments_, plan_.table.axes, plan_.table.points[point], folder_.file_of(point), resumed);
}

/// What a run says: how far it is, or what is to be said with its name.
void SweepRun::hear(std::size_t point, const std::string& line) {
  if (const auto trials = trials_of_progress(line)) {
    states_[point].trials = std::max(states_[point].trials, *trials);
  } else if (!line.starts_with("dynvert: note: ")) {  // those of all configurations were said before
    say(point, line);
  }
}

void SweepRun::say(std::size_t point, const std::string& line) {
  constexpr std::string_view prefix = "dynvert: ";
  progress_.make_way();
  fmt::print(err_, "dynvert: {}: {}\n", name(point),
             std::string_view(line).substr(line.starts_with(prefix) ? prefix.size() : 0));
  err_ << std::flush;
}

void SweepRun::end(std::size_t point, const ProcessEnd& end) {
  PointState& state = states_[point];
  state = state_of(folder_.file_of(point), plan_.table.results);
  int& code = codes_[point];
  if (!end.fault.empty()) {
    say(point, "cannot be started: " + end.fault);
    code = exit_io;
  } else if (end.signal == SIGINT || end.signal == SIGTERM || (end.signal == SIGKILL && StopSignals::hurried())) {
    code = exit_interrupted;
  } else if (end.signal != 0) {
    say(point, fmt::format("ended by signal {} ({})", end.signal, ::strsignal(end.signal)));
    code = exit_io;
  } else {
    code = end.exit_code;
  }
  // one that was stopped is what its file says: interrupted, or nothing is there
  const bool as_it_should = code == exit_interrupted || (code == exit_done && state.status == PointStatus::complete) ||
                            (code == exit_numerical && state.status == PointStatus::diverged);
  if (!as_it_should) state.status = PointStatus::failed;
  ++ended_;
  write_index();
}

void SweepRun::tick(std::size_t running) {
  if (index_is_old_) write_index();
  if (arguments_.quiet || to_run_.empty()) return;
  const std::size_t all = states_.size(), done = all - to_run_.size() + ended_;
  progress_.show(
      [&] {
        const std::int64_t trials = trials_done();
        const std::int64_t all_trials =
            std::accumulate(plan_.table.trials.begin(), plan_.table.trials.end(), std::int64_t{0});
        std::string left;
        if (trials > trials_before_) {
          const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
          left = fmt::format(", {} left", clock_text(seconds * static_cast<double>(all_trials - trials) /
                                                     static_cast<double>(trials - trials_before_)));
        }
        return fmt::format("run {}/{}, {} running, trial {}/{} ({} %){}", done, all, running, trials, all_trials,
                           100 * trials / all_trials, left);
      },
      done == all);
}

/// Runs that have ended count in full, however they did.
std::int64_t SweepRun::trials_done() const {
  std::int64_t trials = 0;
  for (std::size_t p = 0; p < states_.size(); ++p) {
    const bool open = states_[p].status == PointStatus::not_run || states_[p].status == PointStatus::interrupted;
    trials += open ? states_[p].trials : plan_.table.trials[p];
  }
  return trials;
}

void SweepRun::write_index() {
  index_is_old_ = states_.size() > small_sweep && Clock::now() < next_write_;
  if (index_is_old_) return;
  next_write_ = Clock::now() + std::chrono::seconds(1);
  try {
    folder_.write_index(states_);
    index_fault_.clear();
  } catch (const IoError& error) {
    // the runs go on, and with every one of them it is tried again
    if (index_fault_.empty()) {
      progress_.make_way();
      fmt::print(err_, "dynvert: {}\n", error.what());
    }
    index_fault_ = error.what();
  }
}

int SweepRun::run() {
  const std::size_t by_default =
      std::max(1U, std::thread::hardware_concurrency()) / std::max<std::size_t>(1, threads_of(arguments_));
  const ProcessPool pool{.program = arguments_.program,
                         .count = to_run_.size(),
                         .at_once = arguments_.jobs.value_or(std::max<std::size_t>(1, by_default)),
                         .start = [&](std::size_t i) { return start(to_run_[i]); },
                         .line = [&](std::size_t i, const std::string& text) { hear(to_run_[i], text); },
                         .end = [&](std::size_t i, const ProcessEnd& how) { end(to_run_[i], how); },
                         .tick = [&](std::size_t running) { tick(running); },
                         .stop = &stop_,
                         .kill = &StopSignals::hurried()};
  pool.run();
  next_write_ = {};
  if (index_is_old_) write_index();
  progress_.close();

  bool interrupted = stop_ && count(PointStatus::not_run) > 0;
  int worst = index_fault_.empty() ? exit_done : exit_io;
  for (std::size_t p = 0; p < states_.size(); ++p) {
    if (codes_[p] == exit_interrupted) interrupted = true;
    if (codes_[p] == exit_done && states_[p].status != PointStatus::failed) continue;
    if (codes_[p] == exit_interrupted) continue;
    const bool known = codes_[p] == exit_usage || codes_[p] == exit_numerical;
    fmt::print(err_, "dynvert: {}: {}, exit code {}\n", name(p), status_text(states_[p].status), codes_[p]);
    worst = std::max<int>(worst, known ? codes_[p] : exit_io);
  }
  if (!config_fault_.empty()) {
    fmt::print(err_, "dynvert: {}: {}: {} runs were not started. Try: the file as it was, with --resume\n",
               arguments_.config.path, config_fault_, count(PointStatus::not_run));
    worst = std::max<int>(worst, exit_usage);
  }
  if (interrupted) {
    fmt::print(err_, "dynvert: interrupted after {} of {} runs; {}/{} says which, and --resume continues\n",
               count(PointStatus::complete), states_.size(), arguments_.output, sweep_index_name);
    return exit_interrupted;
  }
  return worst;
}

std::size_t SweepRun::count(PointStatus status) const {
  return static_cast<std::size_t>(std::ranges::count(states_, status, &PointState::status));
}

std::string SweepRun::counts() const {
  std::string text = fmt::format("{} runs", states_.size());
  for (const PointStatus status : {PointStatus::complete, PointStatus::diverged, PointStatus::failed,
                                   PointStatus::interrupted, PointStatus::not_run}) {
    if (const std::size_t n = count(status); n > 0) text += fmt::format(", {} {}", n, status_text(status));
  }
  return text;
}

}  // namespace

int sweep(const SweepArguments& arguments, std::ostream& out, std::ostream& err) {
  const SweepPlan plan = plan_sweep(arguments);
  if (!arguments.quiet) {
    for (const std::string& note : plan.notes) fmt::print(err, "dynvert: note: {}\n", note);
  }
  // the index is written whatever comes: with it everything is where it was
  const StopSignals signals(StopSignals::Second::asks_for_haste);
  SweepFolder folder(arguments, plan);
  SweepRun run(arguments, plan, folder, StopSignals::requested(), err);
  const int code = run.run();
  fmt::print(out, "{}: {}\n", arguments.output, run.counts());
  return code;
}

}  // namespace dynvert
