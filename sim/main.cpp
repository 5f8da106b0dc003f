#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/reproducible.hpp>

#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  // OpenBLAS reads the number of its threads, and starts them, when it is loaded; idle they spin for a tenth of a
  // second of CPU time. dynvert needs none of them (version.hpp): the program starts once more with that said. Where
  // this fails it goes on as it is.
  if (std::getenv("OPENBLAS_NUM_THREADS") == nullptr && setenv("OPENBLAS_NUM_THREADS", "1", 1) == 0) {
    execv("/proc/self/exe", argv);
  }
  // a limit of file sizes becomes an error of the write
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const int code = dynvert::run_command_line(argc, argv, std::cout, std::cerr);
    // what was printed may still wait in memory
    if (std::cout.flush()) return code;
    std::cerr << "dynvert: standard output: could not be written: " << std::strerror(errno) << std::endl;
    return code == dynvert::exit_done ? dynvert::exit_io : code;
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
