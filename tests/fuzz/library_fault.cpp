#include "library_fault.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

// Counters of the coverage of this program, which libFuzzer reads: those of the child are handed back to it.
extern "C" {
extern char __start___sancov_cntrs[];
extern char __stop___sancov_cntrs[];

// Names are looked up for the one frame that is asked for, not for whole reports: that takes a second each. A size
// that the library believes, and cannot have, is what it has to handle; our own end as a fault.
const char* __asan_default_options() { return "symbolize=0:allocator_may_return_null=1:max_allocation_size_mb=512"; }
}

namespace dynvert::fuzz {
namespace {

constexpr timeval longest_run{.tv_sec = 10, .tv_usec = 0};  // of CPU time: machines may be busy

/// What the child leaves behind.
struct Shared {
  char report[1 << 16];
  char counters[1 << 20];
};

Shared& shared() {
  static auto* const memory =
      static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *memory;
}

std::size_t counters() {
  return std::min(static_cast<std::size_t>(__stop___sancov_cntrs - __start___sancov_cntrs), sizeof(Shared::counters));
}

void keep_counters() { std::memcpy(shared().counters, __start___sancov_cntrs, counters()); }

void keep_report(const char* text) {
  keep_counters();
  std::strncpy(shared().report, text, sizeof(Shared::report) - 1);
}

/// The stack as the sanitizer would print it.
extern "C" void keep_stack(int) {
  void* frames[64];
  const int count = ::backtrace(frames, 64);
  std::string text;
  for (int k = 2; k < count; ++k) {  // this function, and the call of it by the system
    char line[64];
    std::snprintf(line, sizeof line, "    #%d %p\n", k - 2, frames[k]);
    text += line;
  }
  keep_report(text.c_str());
  ::_exit(EXIT_FAILURE);
}

/// The innermost frame of HDF5's, where nothing of dynvert's was called from there.
std::optional<std::string> place_in_library(std::string_view report) {
  Dl_info own{}, before{};
  ::dladdr(reinterpret_cast<void*>(&library_fault), &own);
  for (std::size_t at = report.find("    #"); at != std::string_view::npos; at = report.find("    #", at + 1)) {
    const std::size_t address = report.find("0x", at);
    if (address == std::string_view::npos) return std::nullopt;
    Dl_info info{};
    const auto where = std::strtoull(std::string(report.substr(address, 18)).c_str(), nullptr, 16);
    if (::dladdr(reinterpret_cast<void*>(where), &info) == 0) return std::nullopt;
    if (std::string_view(info.dli_fname).find("libhdf5") != std::string_view::npos) {
      // what a program exports are the functions of the C library that the sanitizer intercepts
      const bool called_us = before.dli_fbase == own.dli_fbase && before.dli_sname == nullptr;
      if (called_us) return std::nullopt;
      return info.dli_sname == nullptr ? "HDF5" : info.dli_sname;
    }
    before = info;
  }
  return std::nullopt;
}

[[noreturn]] void run_child(const std::function<void()>& body) {
  __asan_set_error_report_callback(keep_report);
  __sanitizer_set_death_callback(nullptr);  // libFuzzer's keeps the input; here that is the parent's to decide
  std::signal(SIGABRT, SIG_DFL);
  std::signal(SIGPROF, keep_stack);
  const itimerval once{.it_interval = {}, .it_value = longest_run};
  ::setitimer(ITIMER_PROF, &once, nullptr);
  body();
  keep_counters();
  ::_exit(EXIT_SUCCESS);
}

}  // namespace

std::optional<std::string> library_fault(const std::function<void()>& body) {
  shared().report[0] = '\0';
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    std::fclose(stderr);  // the report is kept, and printed where it is ours
    run_child(body);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  std::transform(shared().counters, shared().counters + counters(), __start___sancov_cntrs, __start___sancov_cntrs,
                 [](char theirs, char mine) { return static_cast<char>(theirs | mine); });
  if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return std::nullopt;
  auto place = place_in_library(shared().report);
  if (place) return place;
  std::fprintf(stderr, "%s\nthe child ended with status %d\n", shared().report, status);
  std::abort();
}

}  // namespace dynvert::fuzz
