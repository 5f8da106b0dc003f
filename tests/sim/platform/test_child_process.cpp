#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/platform/child_process.hpp>
#include <dynvert/sim/platform/interruption.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/parallel.hpp>

#include <catch2/catch.hpp>

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/temporary_folder.hpp"

using namespace dynvert;
using Catch::Contains;

TEST_CASE("child process: exit codes, signals and exceptions are told") {
  int changed = 0;
  const ChildEnd code = run_in_child([&] {
    changed = 1;
    return 7;
  });
  CHECK(code.started);
  CHECK(code.exit_code == 7);
  CHECK(code.signal == 0);
  CHECK(changed == 0);  // in a copy
  const ChildEnd killed = run_in_child([]() -> int {
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  CHECK(killed.signal == SIGKILL);
  CHECK_FALSE(is_crash(killed.signal));
  CHECK(is_crash(SIGSEGV));
  CHECK(run_in_child([]() -> int { throw std::runtime_error("x"); }).exit_code == 1);
}

TEST_CASE("first pass: a crash of the reader is an error that names the file") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "x.h5";
  std::ofstream(path) << "no file of HDF5";
  CHECK_NOTHROW(h5::first_pass(path));  // that is for who opens it
  CHECK_FALSE(h5::has_signature(path));
  CHECK(h5::read_in_child(path, [] { return 3; }) == 3);
  const auto crash = []() -> int {
    std::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
    return 0;
  };
  CHECK_THROWS_WITH(h5::read_in_child(path, crash), Contains("x.h5") && Contains("Segmentation fault"));
  const auto hang = []() -> int {
    std::signal(SIGPROF, SIG_DFL);
    ::raise(SIGPROF);
    return 0;
  };
  CHECK_THROWS_WITH(h5::read_in_child(path, hang), Contains("does not return"));
}

TEST_CASE("interruption: work within the scope is given up, in all its threads, other work is not") {
  CHECK_NOTHROW(work_advanced(0, 1));
  std::atomic<bool> stop = false;
  std::size_t told = 0;
  {
    const InterruptionScope scope(&stop, [&](double done, double all) {
      CHECK(done <= all);
      ++told;
    });
    for (int k = 0; k < 1000; ++k) work_advanced(k, 1000);
    CHECK(told > 0);
    stop = true;
    CHECK_THROWS_AS(work_advanced(0, 1), Interrupted);
    CHECK_THROWS_AS(parallel_for(4, 4, [](std::size_t) { work_advanced(0, 1); }), Interrupted);
    {
      const InterruptionScope inner(nullptr, nullptr);
      CHECK_NOTHROW(work_advanced(0, 1));
    }
    CHECK_THROWS_AS(work_advanced(0, 1), Interrupted);
  }
  CHECK_NOTHROW(work_advanced(0, 1));
}
