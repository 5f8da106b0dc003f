#include <dynvert/sim/platform/child_process.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>

namespace dynvert {

ChildEnd run_in_child(const std::function<int()>& work) {
  const pid_t parent = ::getpid();
  const pid_t id = ::fork();
  if (id < 0) return {};
  if (id == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    // a crash that is expected leaves no core file
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
    int code = 1;
    try {
      code = work();
    } catch (...) {  // nothing may leave the child but by its end
      code = 1;
    }
    // not exit(): what the parent has yet to write, and its libraries, are the parent's
    ::_exit(code);
  }
  int status = 0;
  while (::waitpid(id, &status, 0) < 0 && errno == EINTR) {
  }
  ChildEnd end{.started = true};
  if (WIFSIGNALED(status)) {
    end.signal = WTERMSIG(status);
  } else {
    end.exit_code = WEXITSTATUS(status);
  }
  return end;
}

bool is_crash(int signal) noexcept {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL ||
         signal == SIGSYS || signal == SIGTRAP;
}

void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

void mute_errors() {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  ::dup2(nowhere, STDERR_FILENO);
  ::close(nowhere);
}

void limit_memory(std::size_t bytes) {
  std::size_t pages = 0;
  if (!(std::ifstream("/proc/self/statm") >> pages)) return;
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + bytes);
  ::setrlimit(RLIMIT_AS, &limit);
}

}  // namespace dynvert
