#include <dynvert/sim/command_line.hpp>

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  try {
    return dynvert::run_command_line(argc, argv, std::cout, std::cerr);
  } catch (const std::exception& error) {
    // nothing that dynvert foresaw
    std::cerr << "dynvert: internal error: " << error.what() << std::endl;
    return 1;
  }
}
