#include <dynvert/sim/commands/progress.hpp>

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace dynvert {

bool can_rewrite(int descriptor) {
  const char* const name = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && (name == nullptr || std::string_view(name) != "dumb");
}

namespace {

/// What fits on one line of the terminal: a line that wraps cannot be rewritten.
std::string fitted(std::string text) {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return text;
  const std::size_t most = size.ws_col - std::size_t{1};
  if (text.size() > most) text.resize(most);
  return text;
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = std::llround(seconds);
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string progress_text(const ProgressReport& report) {
  const double rate = static_cast<double>(report.trials_done - report.first) / std::max(report.seconds, 1e-9);
  const double left = static_cast<double>(report.trials - report.trials_done) / std::max(rate, 1e-9);
  if (report.time && report.duration) {
    // nothing is known of the time that is left before a trial has ended
    return fmt::format("trial {}/{} ({} %), at time {:.4g} of {:.4g}{}", report.trials_done, report.trials,
                       100 * report.trials_done / report.trials, *report.time, *report.duration,
                       report.trials_done > report.first ? fmt::format(", {} left", clock_text(left)) : "");
  }
  std::string loss;
  if (report.loss.size() == 1) loss = fmt::format(", loss {:.3g}", report.loss.front().second);
  if (report.loss.size() > 1) {
    const auto [least, most] = std::ranges::minmax_element(report.loss, {}, &std::pair<std::string, double>::second);
    loss = fmt::format(", loss {:.3g} ({}) to {:.3g} ({})", least->second, least->first, most->second, most->first);
  }
  return fmt::format("trial {}/{} ({} %), {:.0f} trials/s, {} left{}", report.trials_done, report.trials,
                     100 * report.trials_done / report.trials, rate, clock_text(left), loss);
}

std::optional<std::int64_t> trials_of_progress(std::string_view text) {
  constexpr std::string_view start = "trial ";
  if (!text.starts_with(start)) return std::nullopt;
  std::int64_t trials = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + start.size(), end, trials);
  return error == std::errc() && stop != end && *stop == '/' ? std::optional(trials) : std::nullopt;
}

void ProgressLine::show(const std::function<std::string()>& text, bool last) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_ && !last) return;
  if (terminal_) {
    next_ = now + std::chrono::milliseconds(200);
    out_ << '\r' << fitted(text()) << "\x1b[K" << std::flush;
    open_ = true;
  } else {
    // nobody watches: the first line after ten seconds, and the last
    const bool first = next_ == std::chrono::steady_clock::time_point{};
    next_ = now + std::chrono::seconds(10);
    if (!first || last) out_ << text() << std::endl;
  }
}

void ProgressLine::make_way() {
  if (open_) out_ << "\r\x1b[K";
  open_ = false;
  if (terminal_) next_ = {};
}

void ProgressLine::close() {
  if (open_) out_ << '\n' << std::flush;
  open_ = false;
}

}  // namespace dynvert
