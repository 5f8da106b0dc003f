// IDX files, as they are or packed here: values, labels, headers. The first byte chooses.

#include "scratch_file.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/tasks/idx.hpp>

#include <zlib.h>

#include <cstdint>

using namespace dynvert;

namespace {

/// Appends the bytes as one gzip member.
void pack(const fuzz::ScratchFile& file, std::span<const std::byte> bytes) {
  const gzFile packed = gzdopen(::dup(file.descriptor()), "wb1");
  gzwrite(packed, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(packed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return -1;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  fuzz::ScratchFile file(data[0] < 0x80 ? bytes : bytes.first(0));
  if (data[0] >= 0x80) pack(file, bytes);
  try {
    const std::size_t samples = data[1] & 15;  // 0: all
    const SampleTable table =
        (data[0] & 1) != 0 ? read_idx_labels(file.path(), samples, 1 + (data[1] >> 4)) : read_idx(file.path(), samples);
    arma::mat scratch;
    static_cast<void>(arma::accu(table.view(0, table.samples(), scratch)));
  } catch (const Error&) {
  }
  return 0;
}
