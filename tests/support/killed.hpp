#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <stdexcept>

namespace dynvert::test {

/// Does `work` in a process of its own, which is killed (SIGKILL) at its stop number `stop`: it stops before and after
/// each system call.
/// @return whether it was killed; false: it came to its end before
inline bool killed_at(int stop, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) std::_Exit(2);
    ::raise(SIGSTOP);
    try {
      work();
    } catch (...) {
      std::_Exit(3);
    }
    std::_Exit(0);
  }
  int status = 0;
  for (int k = 0; k <= stop; ++k) {
    if (::waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid");
    if (WIFEXITED(status)) {
      if (WEXITSTATUS(status) != 0) throw std::runtime_error("the work failed, or may not be traced");
      return false;
    }
    if (k < stop) ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return true;
}

}  // namespace dynvert::test
