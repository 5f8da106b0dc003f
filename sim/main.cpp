#include <dynvert/sim/command_line.hpp>

#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

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
    return dynvert::run_command_line(argc, argv, std::cout, std::cerr);
  } catch (const std::exception& error) {
    // nothing that dynvert foresaw
    std::cerr << "dynvert: internal error: " << error.what() << std::endl;
    return 1;
  }
}
