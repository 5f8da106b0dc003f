#include <dynvert/sim/platform/stop_signals.hpp>

#include <csignal>

namespace dynvert {

namespace {

/// A signal handler can reach nothing but a variable of static storage: the one such variable of the project, here
/// where the process is the program's own.
std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void request_stop(int signal) {
  stop_requested = true;
  // a second Ctrl-C ends the program at once
  std::signal(signal, SIG_DFL);
}

}  // namespace

StopSignals::StopSignals() {
  stop_requested = false;
  previous_[0] = std::signal(SIGINT, request_stop);
  previous_[1] = std::signal(SIGTERM, request_stop);
  previous_[2] = std::signal(SIGXFSZ, SIG_IGN);
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, previous_[0]);
  std::signal(SIGTERM, previous_[1]);
  std::signal(SIGXFSZ, previous_[2]);
}

const std::atomic<bool>& StopSignals::requested() noexcept { return stop_requested; }

}  // namespace dynvert
