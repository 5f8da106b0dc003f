#pragma once

/// Progress of a run for people: trials done, rate, time left and the current loss; one line that is rewritten on a
/// terminal, a line now and then elsewhere.

#include <dynvert/sim/experiment.hpp>

#include <chrono>
#include <ostream>

namespace dynvert {

class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  void show(const ProgressReport& report);
  /// Ends the line on a terminal.
  void close();

 private:
  std::ostream& out_;
  bool terminal_;
  bool open_ = false;
  std::chrono::steady_clock::time_point next_ = {};
};

/// "trial 1200/2000 (60 %), 5400 trials/s, 0:01 left, loss 1.2e-09 (BP) .. 3.4 (DI_2)"
[[nodiscard]] std::string progress_text(const ProgressReport& report);

}  // namespace dynvert
