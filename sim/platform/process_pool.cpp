#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/platform/process_pool.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <string_view>

namespace dynvert {

namespace {

constexpr std::size_t longest_line = std::size_t{1} << 16;
constexpr int poll_milliseconds = 100;

/// What the new process does until it is the program: nothing but calls that are safe after fork.
/// @param messages  where its standard error goes
[[noreturn]] void become(const char* program, char* const* words, int messages, pid_t parent, const sigset_t& signals) {
  const auto fail = [](std::string_view what) {
    const char* const why = std::strerror(errno);
    for (const std::string_view text : {what, std::string_view(": "), std::string_view(why)}) {
      if (::write(STDERR_FILENO, text.data(), text.size()) < 0) break;
    }
    ::_exit(127);
  };
  const int nothing = ::open("/dev/null", O_RDWR);
  if (::dup2(messages, STDERR_FILENO) < 0 || nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0 ||
      ::dup2(nothing, STDOUT_FILENO) < 0) {
    fail("/dev/null");
  }
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  // the parent's handlers are not the program's: a signal from now on ends this process, and none is lost
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::execvp(program, words);
  fail(program);
  ::_exit(127);
}

/// A process that runs, and what it has written of its last line.
class Process {
 public:
  /// @return a fault, or empty
  std::string start(const std::string& program, const std::vector<std::string>& words);
  Process() = default;
  /// One that still runs is told to stop, and waited for.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void ask_to_stop() const { ::kill(id_, SIGTERM); }
  void end() const { ::kill(id_, SIGKILL); }
  [[nodiscard]] int messages() const { return messages_->value(); }
  /// Takes what there is to read. @return whether more may follow
  bool read(const std::function<void(const std::string&)>& line);
  ProcessEnd wait();

 private:
  pid_t id_ = -1;
  std::optional<FileDescriptor> messages_;
  std::string unfinished_;
};

std::string Process::start(const std::string& program, const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::strerror(errno);
  messages_.emplace(ends[0]);
  const FileDescriptor theirs(ends[1]);
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  id_ = ::fork();
  if (id_ == 0) become(program.c_str(), pointers.data(), theirs.value(), parent, before);
  const int fault = id_ < 0 ? errno : 0;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return fault != 0 ? std::strerror(fault) : "";
}

Process::~Process() {
  if (id_ < 0) return;
  ask_to_stop();
  messages_.reset();
  wait();
}

bool Process::read(const std::function<void(const std::string&)>& line) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(messages(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  unfinished_.append(buffer.data(), static_cast<std::size_t>(got));
  const bool more = got > 0;
  for (;;) {
    const auto end = unfinished_.find('\n');
    if (end == std::string::npos && (unfinished_.empty() || (more && unfinished_.size() < longest_line))) break;
    line(unfinished_.substr(0, end));
    unfinished_.erase(0, end == std::string::npos ? end : end + 1);
  }
  return more;
}

ProcessEnd Process::wait() {
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  ProcessEnd end;
  if (WIFSIGNALED(status)) {
    end.signal = WTERMSIG(status);
  } else {
    end.exit_code = WEXITSTATUS(status);
  }
  return end;
}

}  // namespace

void ProcessPool::run() const {
  struct Running {
    std::size_t number = 0;
    Process process;
  };
  std::list<Running> running;
  std::size_t next = 0;
  bool told = false, killed = false;
  while (true) {
    while (!*stop && next < count && running.size() < at_once) {
      const std::vector<std::string> words = start(next);
      if (words.empty()) {
        next = count;
        break;
      }
      Running& one = running.emplace_back();
      one.number = next++;
      if (const std::string fault = one.process.start(program, words); !fault.empty()) {
        end(one.number, {.fault = fault});
        running.pop_back();
      }
    }
    tick(running.size());
    if (running.empty()) return;
    if (*stop && !told) {
      for (const Running& one : running) one.process.ask_to_stop();
      told = true;
    }
    if (kill != nullptr && *kill && !killed) {
      for (const Running& one : running) one.process.end();
      killed = true;
    }
    std::vector<pollfd> waiting;
    for (const Running& one : running)
      waiting.push_back({.fd = one.process.messages(), .events = POLLIN, .revents = 0});
    // a signal ends the waiting; should it come just before, the time is short
    if (::poll(waiting.data(), waiting.size(), poll_milliseconds) > 0) {
      auto each = running.begin();
      for (const pollfd& one : waiting) {
        const auto current = each++;
        if (one.revents == 0) continue;
        const std::size_t number = current->number;
        if (current->process.read([&](const std::string& text) { line(number, text); })) continue;
        const ProcessEnd how = current->process.wait();
        running.erase(current);
        end(number, how);
      }
    }
  }
}

}  // namespace dynvert
