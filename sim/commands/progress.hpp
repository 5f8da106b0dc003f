#pragma once

/// Progress for people: of a run the trials done, rate, time left and the current loss.

#include <dynvert/sim/experiment/experiment.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace dynvert {

/// Whether a line can be rewritten there: a terminal, and not one that is called dumb.
[[nodiscard]] bool can_rewrite(int descriptor);

/// One line that is rewritten on a terminal, a line now and then elsewhere.
class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  /// @param text  called where it is time for a line
  /// @param last  nothing will follow: it is time in any case
  void show(const std::function<std::string()>& text, bool last);
  /// Takes the line off a terminal, for a message; the next one to be shown comes at once.
  void make_way();
  /// Ends the line on a terminal.
  void close();

 private:
  std::ostream& out_;
  bool terminal_;
  bool open_ = false;
  std::chrono::steady_clock::time_point next_ = {};
};

/// "0:09", "1:02:03"
[[nodiscard]] std::string clock_text(double seconds);

/// "trial 1200/2000 (60 %), 5400 trials/s, 0:01 left, loss 1.2e-09 (BP) .. 3.4 (DI_2)"
[[nodiscard]] std::string progress_text(const ProgressReport& report);
/// The trials done, of such a text; nothing where it is another one.
[[nodiscard]] std::optional<std::int64_t> trials_of_progress(std::string_view text);

}  // namespace dynvert
