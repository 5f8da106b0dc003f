#pragma once

#include <atomic>

namespace dynvert {

/// While it lives, Ctrl-C and SIGTERM ask for a stop, a second one ends the program at once; a file size limit becomes
/// an error of the write.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Whether one was received.
  [[nodiscard]] static const std::atomic<bool>& requested() noexcept;

 private:
  void (*previous_[3])(int) = {};
};

}  // namespace dynvert
