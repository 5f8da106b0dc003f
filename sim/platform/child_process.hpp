#pragma once

/// Work that a library may crash in, done in a child process, so that the crash is an answer and not the program's end.

#include <cstddef>
#include <functional>

namespace dynvert {

/// How a child ended.
struct ChildEnd {
  bool started = false;  ///< false: no process was to be had, and nothing was done
  int exit_code = 0;     ///< where no signal ended it
  int signal = 0;        ///< that ended it; 0: none
};

/// Calls `work` in a copy of this process, which ends with it when it is ended, and waits.
/// @param work  returns the exit code. What it leaves in memory is lost; what it prints it must flush.
[[nodiscard]] ChildEnd run_in_child(const std::function<int()>& work);

/// Whether a signal says that the program has gone wrong, rather than that somebody ended it.
[[nodiscard]] bool is_crash(int signal) noexcept;

/// Ends this process as the signal would have ended it.
void end_by(int signal);

/// Lets this process print no errors, such as what the C library says of memory that it finds overwritten.
void mute_errors();

/// Lets this process have so much more address space than it has now, and no more.
void limit_memory(std::size_t bytes);

}  // namespace dynvert
