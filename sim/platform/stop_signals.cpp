#include <dynvert/sim/platform/stop_signals.hpp>

#include <time.h>  // NOLINT(modernize-deprecated-headers): clock_gettime is POSIX

#include <csignal>
#include <cstdint>

namespace dynvert {

namespace {

/// A signal handler can reach nothing but variables of static storage: the only such variables of the project that
/// change the course of a run, here where the process is the program's own.
std::atomic<bool> stop_requested = false, haste_requested = false;
std::atomic<std::int64_t> first_at = 0;  ///< ms
std::atomic<bool> second_ends = true;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

/// Two signals within this time are one request: batch systems send one to each process of a job, and a program that
/// started another passes its own on.
constexpr std::int64_t one_request = 1000;  // ms

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

extern "C" void request_stop(int signal) {
  if (!stop_requested.exchange(true)) {
    first_at = now();
    return;
  }
  if (now() - first_at < one_request) return;
  if (!second_ends && !haste_requested.exchange(true)) return;
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

StopSignals::StopSignals(Second second) {
  stop_requested = false;
  haste_requested = false;
  second_ends = second == Second::ends_the_program;
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
const std::atomic<bool>& StopSignals::hurried() noexcept { return haste_requested; }

}  // namespace dynvert
