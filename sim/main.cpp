#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/reproducible.hpp>

#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

// OpenBLAS asks this function of its own for OPENBLAS_NUM_THREADS when it is loaded, and starts as many threads; idle
// they spin for a tenth of a second of processor time. dynvert needs none of them (build_info.hpp), and the definition
// of a program comes before that of a library. Of an OpenBLAS that does not ask, the threads are switched off later.
extern "C" int openblas_num_threads_env();
extern "C" int openblas_num_threads_env() { return 1; }

int main(int argc, char** argv) {
  // a limit of file sizes becomes an error of the write
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return dynvert::run_command_line(argc, argv, std::cout, std::cerr, dynvert::Isolation::child);
  } catch (const dynvert::RestartNeeded& restart) {
    std::string by_hand;
    for (const auto& [name, value] : restart.environment) {
      setenv(name.c_str(), value.c_str(), 1);
      by_hand += name + "=" + value + " ";
    }
    execv("/proc/self/exe", argv);
    std::cerr << "dynvert: experiment.reproducible: the program could not restart itself. Try: " << by_hand << argv[0]
              << " .." << std::endl;
    return dynvert::exit_io;
  } catch (const std::exception& error) {
    // nothing that dynvert foresaw
    std::cerr << "dynvert: internal error: " << error.what() << std::endl;
    return 1;
  }
}
