#pragma once

/// Runs programs, each in a process of its own and so many at once, from one thread.
///
/// A process is told to stop (SIGTERM, once) when `stop` is set, and when the process that started it is gone, however
/// that ended. It is in a process group of its own, so that Ctrl-C at a terminal reaches it by way of this alone. Its
/// standard input is empty, its standard output goes nowhere.

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace dynvert {

/// How a process ended.
struct ProcessEnd {
  int exit_code = 0;  ///< where no signal ended it
  int signal = 0;     ///< that ended it; 0: none
  std::string fault;  ///< why it could not be started; empty: it was
};

struct ProcessPool {
  std::string program;      ///< path, or a name that is looked for in PATH
  std::size_t count = 0;    ///< of processes
  std::size_t at_once = 1;  ///< at least 1
  /// Called before number i is started. @return the words of its command line, with its name; none: nothing more is
  /// started
  std::function<std::vector<std::string>(std::size_t i)> start;
  /// A line that it wrote to standard error, without its end.
  std::function<void(std::size_t i, const std::string& line)> line;
  std::function<void(std::size_t i, const ProcessEnd& end)> end;
  /// Called a few times a second, and in the end. @param running  processes
  std::function<void(std::size_t running)> tick;
  const std::atomic<bool>* stop = nullptr;
  const std::atomic<bool>* kill = nullptr;  ///< set: those that still run are ended at once

  /// Returns when all processes have ended.
  void run() const;
};

}  // namespace dynvert
