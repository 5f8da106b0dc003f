// A run in this process: the work is done by a thread of its own, which never needs the GIL, while the thread that
// asked for it looks after Python: signals, and progress.

#include <dynvert/sim/commands/progress.hpp>
#include <dynvert/sim/commands/run_to_file.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/python/bindings.hpp>
#include <dynvert/sim/python/configuration.hpp>
#include <dynvert/sim/python/one_blas_thread.hpp>

#include <pybind11/stl.h>

#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is POSIX

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace dynvert::python {

namespace py = pybind11;
using py::literals::operator""_a;

namespace {

/// How often the thread that waits looks after Python.
constexpr std::chrono::milliseconds look_interval{50};

/// A run that has been read and not begun.
struct Prepared {
  SimulateArguments arguments;
  std::optional<LoadedRun> loaded;

  [[nodiscard]] const Config& config() const {
    if (!loaded) throw ValueError("run", "has been run", "one that has not");
    return loaded->config;
  }
};

Prepared prepare(const std::string& path, const std::optional<std::string>& text, std::vector<std::string> sets,
                 std::vector<std::string> unsets, std::optional<std::uint64_t> seed, std::optional<std::size_t> threads,
                 std::string output, bool overwrite, bool resume, std::string command) {
  Prepared run{.arguments = {.config = {.path = path,
                                        .sets = std::move(sets),
                                        .unsets = std::move(unsets),
                                        .seed = seed,
                                        .threads = threads},
                             .output = std::move(output),
                             .overwrite = overwrite,
                             .resume = resume,
                             .quiet = true,
                             .command = std::move(command)},
               .loaded = std::nullopt};
  if (text) {
    run.loaded.emplace(LoadedRun{.config = read_config(run.arguments.config, text), .output = run.arguments.output});
  } else {
    run.loaded.emplace(load_run(run.arguments));
  }
  return run;
}

/// Signals are Python's, whose handlers interrupt calls of the system: the threads of a run do not see them.
class SignalsOff {
 public:
  SignalsOff() {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH}) {
      sigaddset(&handled, signal);
    }
    pthread_sigmask(SIG_BLOCK, &handled, &before_);
  }
  ~SignalsOff() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsOff(const SignalsOff&) = delete;
  SignalsOff& operator=(const SignalsOff&) = delete;

 private:
  sigset_t before_{};
};

/// What the two threads share.
struct Shared {
  std::atomic<bool> stop = false;
  std::mutex mutex{};
  std::condition_variable changed{};
  bool ended = false;
  bool wants_report = false;
  std::optional<ProgressReport> report{};
  RunEnd end{};
  std::vector<std::string> notes{}, events{};
  std::exception_ptr fault{};
};

/// In a file that has no name: the descriptor stays the caller's.
MakeRunFile in_descriptor(int descriptor) {
  return [descriptor](const RunFileOptions& options, const std::vector<Attribute>& attributes) {
    const int own = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (own < 0) throw IoError("memory", std::string("cannot be written: ") + std::strerror(errno), "output=");
    return RunFile::create_in(own, "memory", options, attributes);
  };
}

void work(Prepared& run, std::optional<int> descriptor, Shared& shared) {
  try {
    RunCaller caller{.note = [&](const std::string& note) { shared.notes.push_back(note); },
                     .event = [&](const std::string& event) { shared.events.push_back(event); },
                     .control = {.stop = &shared.stop}};
    if (descriptor) caller.make_file = in_descriptor(*descriptor);
    caller.control.progress = [&](const ProgressReport& report) {
      const std::lock_guard lock(shared.mutex);
      if (shared.wants_report || report.trials_done == report.trials) shared.report = report;
      shared.wants_report = false;
    };
    LoadedRun loaded = std::move(*run.loaded);
    run.loaded.reset();
    shared.end = run_to_file(std::move(loaded), run.arguments, caller);
  } catch (...) {
    shared.fault = std::current_exception();
  }
  const std::lock_guard lock(shared.mutex);
  shared.ended = true;
  shared.changed.notify_one();
}

py::dict as_dict(const ProgressReport& report) {
  py::list loss;
  for (const auto& [model, value] : report.loss) loss.append(py::make_tuple(model, value));
  return py::dict("trials_done"_a = report.trials_done, "trials"_a = report.trials, "first"_a = report.first,
                  "seconds"_a = report.seconds, "loss"_a = loss, "time"_a = report.time, "duration"_a = report.duration,
                  "text"_a = progress_text(report));
}

/// What Python has raised while a run was under way; the first.
class Raised {
 public:
  template <typename Call>
  void watch(const Call& call, std::atomic<bool>& stop) {
    try {
      call();
    } catch (py::error_already_set& error) {
      if (error_.is_none()) error_ = error.value();
      stop = true;
    }
  }
  [[nodiscard]] const py::object& error() const { return error_; }

 private:
  py::object error_ = py::none();
};

py::dict run_prepared(Prepared& run, std::optional<int> descriptor, const py::object& progress) {
  static_cast<void>(run.config());
  const OneBlasThread one_thread;
  Shared shared;
  shared.wants_report = !progress.is_none();
  Raised raised;
  std::optional<std::jthread> worker;
  {
    const SignalsOff off;
    worker.emplace([&] { work(run, descriptor, shared); });
  }
  const auto look = [&] {
    raised.watch(
        [] {
          if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        },
        shared.stop);
    std::optional<ProgressReport> report;
    {
      const std::lock_guard lock(shared.mutex);
      std::swap(report, shared.report);
      shared.wants_report = !progress.is_none();
    }
    if (report && !progress.is_none()) raised.watch([&] { progress(as_dict(*report)); }, shared.stop);
  };
  for (bool ended = false; !ended;) {
    {
      const py::gil_scoped_release released;
      std::unique_lock lock(shared.mutex);
      ended = shared.changed.wait_for(lock, look_interval, [&] { return shared.ended; });
    }
    look();
  }
  worker->join();
  if (shared.fault && raised.error().is_none()) std::rethrow_exception(shared.fault);
  py::list failed;
  for (const FailedTrials& trials : shared.end.failed) failed.append(failed_text(trials));
  return py::dict(py::arg("complete") = !shared.fault && shared.end.status == RunStatus::complete,
                  py::arg("was_complete") = shared.end.was_complete, "trials_done"_a = shared.end.trials_done,
                  "failed"_a = failed, "notes"_a = shared.notes, "events"_a = shared.events,
                  "error"_a = raised.error());
}

}  // namespace

void bind_runs(py::module_& module) {
  py::class_<Prepared>(module, "PreparedRun", "A configuration that has been read, to be run once.")
      .def(py::init(&prepare), py::call_guard<py::gil_scoped_release>(), py::kw_only(), "path"_a, "text"_a, "sets"_a,
           "unsets"_a, "seed"_a, "threads"_a, "output"_a, "overwrite"_a, "resume"_a, "command"_a)
      .def_property_readonly("trials", [](const Prepared& run) { return run.config().trials; })
      .def_property_readonly("output", [](const Prepared& run) { return run.loaded ? run.loaded->output : ""; })
      .def(
          "file_bytes",
          [](const Prepared& run) {
            const Estimate need = estimate(run.config());
            return need.file_bytes;
          },
          py::call_guard<py::gil_scoped_release>())
      .def("run", &run_prepared, "descriptor"_a, "progress"_a);
}

}  // namespace dynvert::python
