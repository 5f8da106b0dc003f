#include <dynvert/models/error.hpp>
#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/reproducible.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace dynvert {

namespace {

constexpr std::string_view hwcaps = "glibc.cpu.hwcaps=";
constexpr std::string_view without_fma = "-FMA,-FMA4";
constexpr std::string_view blas_core = "Nehalem";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::vector<EnvironmentVariable> reproducible_environment(const std::string& tunables) {
  std::string others;
  std::string_view rest = tunables;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!one.empty() && !one.starts_with(hwcaps)) others += fmt::format("{}:", one);
  }
  return {{"GLIBC_TUNABLES", fmt::format("{}{}{}", others, hwcaps, without_fma)},
          {"OPENBLAS_CORETYPE", std::string(blas_core)}};
}

void require_reproducible_arithmetic() {
  std::vector<EnvironmentVariable> wanted = reproducible_environment(environment("GLIBC_TUNABLES"));
  for (const auto& [name, value] : wanted) {
    if (environment(name.c_str()) != value) throw RestartNeeded{std::move(wanted)};
  }
  if (kernels().name != "sse2") {
    throw ValueError("experiment.reproducible",
                     fmt::format("the processor's features cannot be disabled here (kernels {})", kernels().name),
                     "x86-64 with the GNU C library 2.33 or newer, or false");
  }
  if (blas_kernels() != blas_core) {
    throw ValueError("experiment.reproducible", fmt::format("this BLAS ignores OPENBLAS_CORETYPE: {}", blas_identity()),
                     "an OpenBLAS built with DYNAMIC_ARCH, such as Debian's, or false");
  }
}

}  // namespace dynvert
