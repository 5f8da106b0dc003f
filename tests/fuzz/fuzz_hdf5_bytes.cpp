// Run files with bytes that are wrong. Crashes of the HDF5 library in its own functions are counted and named at the
// end; everything else is a fault of dynvert.

#include "library_fault.hpp"
#include "scratch_file.hpp"
#include "seed_files.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/export/export.hpp>

#include <cstdio>
#include <map>
#include <sstream>

using namespace dynvert;
using namespace dynvert::fuzz;

namespace {

/// A seed, and where its bytes are not zero: most of a file is room for data.
struct Target {
  std::vector<std::byte> file;
  std::vector<std::size_t> places;
};

std::vector<Target> make_targets() {
  std::vector<Target> targets;
  for (SeedRun& seed : seed_runs()) {
    Target& target = targets.emplace_back();
    target.file = std::move(seed.file);
    for (std::size_t i = 0; i < target.file.size(); ++i) {
      if (target.file[i] != std::byte{0}) target.places.push_back(i);
    }
  }
  return targets;
}

/// What the library did, and how often; said when the program ends.
struct Faults {
  std::map<std::string, std::size_t> count;
  std::size_t runs = 0;
  ~Faults() {
    std::size_t all = 0;
    for (const auto& [place, n] : count) all += n;
    std::fprintf(stderr, "HDF5 itself failed in %zu of %zu runs\n", all, runs);
    for (const auto& [place, n] : count) std::fprintf(stderr, "  %zu in %s\n", n, place.c_str());
  }
};

void read_everything(const std::string& path, int use) {
  if (use == 0) {
    try {
      const RunReader file(path);
      const ScratchFile output;
      write_mat(file, {.models = file.models()}, output.descriptor(), "fuzz.mat");
    } catch (const Error&) {
    }
    return;
  }
  std::ostringstream out, err;
  const char* inspect[] = {"dynvert", "inspect", path.c_str()};
  const char* recover[] = {"dynvert", "recover", path.c_str()};
  static_cast<void>(run_command_line(3, use == 1 ? inspect : recover, out, err));
}

}  // namespace

// The first byte chooses file and reader; then, for each change, three bytes of a place and one that is put there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Target> targets = make_targets();
  static Faults faults;
  if (size < 5) return -1;
  const Target& target = targets[data[0] % targets.size()];
  std::vector<std::byte> content = target.file;
  for (std::size_t at = 1; at + 4 <= size; at += 4) {
    const std::size_t place = std::size_t{data[at]} << 16 | std::size_t{data[at + 1]} << 8 | data[at + 2];
    content[target.places[place % target.places.size()]] = std::byte{data[at + 3]};
  }
  const ScratchFile file(content);
  ++faults.runs;
  if (const auto place = library_fault([&] { read_everything(file.path(), data[0] / 8 % 3); })) ++faults.count[*place];
  return 0;
}
