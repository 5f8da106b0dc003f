#include <dynvert/sim/platform/reproducible.hpp>

#include <catch2/catch.hpp>

using namespace dynvert;

TEST_CASE("a reproducible run keeps what the user has tuned of other things") {
  const auto tunables = [](const std::string& before) { return reproducible_environment(before).at(0).value; };
  const std::string ours = "glibc.cpu.hwcaps=-FMA,-FMA4";
  CHECK(tunables("") == ours);
  CHECK(tunables("glibc.malloc.check=3") == "glibc.malloc.check=3:" + ours);
  CHECK(tunables("glibc.cpu.hwcaps=-AVX512F:glibc.malloc.check=3") == "glibc.malloc.check=3:" + ours);
  CHECK(tunables("::glibc.cpu.hwcaps=:") == ours);
  // a process that is started so is not started again
  CHECK(tunables(tunables("glibc.malloc.check=3")) == tunables("glibc.malloc.check=3"));
  CHECK(reproducible_environment("").at(1) == EnvironmentVariable{"OPENBLAS_CORETYPE", "Nehalem"});
}

TEST_CASE("a process that was not started for reproducible runs is to be started once more") {
  // the tests are not
  CHECK_THROWS_AS(require_reproducible_arithmetic(), RestartNeeded);
}
