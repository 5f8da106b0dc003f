#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/io_error.hpp>

#include <fmt/format.h>

#include <cblas.h>
#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <vector>

// Of OpenBLAS, exported and not declared; weak: a BLAS without them does without.
extern "C" void* blas_memory_alloc(int purpose) __attribute__((weak));
extern "C" void blas_memory_free(void* buffer) __attribute__((weak));

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

void prepare_blas(std::size_t threads) {
  openblas_set_num_threads(1);
  if (blas_memory_alloc == nullptr || blas_memory_free == nullptr) return;
  // as in OpenBLAS up to 0.3.21 on x86-64, with its 4 kB of offset; others take less
  constexpr std::size_t buffer_bytes = (std::size_t{128} << 20) + (std::size_t{1} << 16);
  constexpr std::size_t max_buffers = 64;
  const std::size_t buffers = std::clamp<std::size_t>(threads, 1, max_buffers);
  const std::size_t bytes = buffers * buffer_bytes;
  void* const room = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    throw IoError(
        "memory",
        fmt::format("has no room for the buffers of linear algebra: {} MB of address space for {} thread{}",
                    bytes >> 20, buffers, buffers == 1 ? "" : "s"),
        buffers > 1 ? "fewer --threads, or a higher limit (ulimit -v, h_vmem)" : "a higher limit (ulimit -v, h_vmem)");
  }
  ::munmap(room, bytes);
  // taken now and given back, they stay for whoever needs one
  std::vector<void*> taken;
  for (std::size_t k = 0; k < buffers; ++k) taken.push_back(blas_memory_alloc(0));
  for (void* const buffer : taken) blas_memory_free(buffer);
}

}  // namespace dynvert
