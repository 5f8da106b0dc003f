#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/sim/platform/build_info.hpp>

#include <fmt/format.h>

#include <cblas.h>

#include <fstream>

namespace dynvert {

std::string version() { return DYNVERT_VERSION; }
std::string source_revision() { return DYNVERT_REVISION; }
std::string blas_identity() { return fmt::format("{} ({})", openblas_get_config(), openblas_get_corename()); }
std::string blas_kernels() { return openblas_get_corename(); }

std::string cpu_identity() {
  std::string model = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    if (const auto colon = line.find(": "); colon != std::string::npos) model = line.substr(colon + 2);
    break;
  }
  return fmt::format("{} ({})", model, kernels().name);
}

void use_one_blas_thread() { openblas_set_num_threads(1); }

}  // namespace dynvert
