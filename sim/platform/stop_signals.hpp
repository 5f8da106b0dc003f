#pragma once

#include <atomic>

namespace dynvert {

/// While it lives, Ctrl-C and SIGTERM ask for a stop; a file size limit becomes an error of the write. A second signal
/// is the same request within a second of the first, and then ends the program at once, or asks for haste; a third one
/// ends it in any case.
class StopSignals {
 public:
  enum class Second { ends_the_program, asks_for_haste };
  explicit StopSignals(Second second = Second::ends_the_program);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Whether one was received.
  [[nodiscard]] static const std::atomic<bool>& requested() noexcept;
  /// Whether a second one was.
  [[nodiscard]] static const std::atomic<bool>& hurried() noexcept;

 private:
  void (*previous_[3])(int) = {};
};

}  // namespace dynvert
