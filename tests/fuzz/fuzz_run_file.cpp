// Files of the format dynvert-1 that lie, as everything that reads them sees them: inspect, export, report, maps,
// recover, resume.

#include "hostile_file.hpp"
#include "scratch_file.hpp"
#include "seed_files.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/export/export.hpp>
#include <dynvert/sim/inspect/stability_map_file.hpp>
#include <dynvert/sim/report/report_page.hpp>

#include <sstream>

using namespace dynvert;
using namespace dynvert::fuzz;

namespace {

void program(std::vector<const char*> words) {
  words.insert(words.begin(), "dynvert");
  std::ostringstream out, err;
  const int code = run_command_line(static_cast<int>(words.size()), words.data(), out, err);
  if (code != exit_done && code != exit_usage && code != exit_numerical && code != exit_io) std::abort();
}

void read_as(int use, const std::string& path, const std::string& model, std::size_t trial) {
  const RunReader file(path);
  const ScratchFile output;
  const bool one = (use & 1) != 0;
  const std::optional<std::size_t> which = one ? std::optional(trial) : std::nullopt;
  switch (use / 2) {
    case 0:
      return write_mat(file, {.models = one ? std::vector{model} : file.models(), .trial = which}, output.descriptor(),
                       "fuzz.mat");
    case 1:
      static_cast<void>(write_csv(file, {.models = {model}, .trial = which}, output.descriptor(), "fuzz.csv"));
      return;
    case 2:
      static_cast<void>(
          write_csv(file, {.models = {model}, .group = one ? "weights" : "eval"}, output.descriptor(), "fuzz.csv"));
      return;
    case 3:
      static_cast<void>(report_json(read_report(file, {.bytes = one ? 10'000u : 1'000'000u})));
      return;
    default: {
      const Config config = recorded_config(file);
      RecordedModel recorded(file, config, model);
      static_cast<void>(map_model(file, recorded, which, {1e-3, 1}, {0.1, 10}));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<SeedRun> seeds = seed_runs();
  if (size < 4) return -1;
  FuzzedDataProvider bytes(data, size);
  const SeedRun& seed = seeds[bytes.ConsumeIntegralInRange<std::size_t>(0, seeds.size() - 1)];
  const int use = bytes.ConsumeIntegralInRange(0, 16);
  const char* model = bytes.PickValueInArray({"M", "circuit"});
  const auto trial = bytes.ConsumeIntegralInRange<std::size_t>(0, 4);

  const std::string untouched(64, 'x');
  const ScratchFile file(seed.file), config(seed.config), elsewhere(untouched);
  spoil(file.path(), elsewhere.path(), bytes);
  if (bytes.ConsumeIntegralInRange(0, 3) == 3) append_journal(file.descriptor(), bytes);
  const long open = open_identifiers();

  const std::string path = file.path(), config_path = config.path(), number = std::to_string(trial);
  switch (use) {
    case 10:
      program({"inspect", path.c_str()});
      break;
    case 11:
      program({"inspect", path.c_str(), "--json", "--model", model});
      break;
    case 12:
      program({"inspect", path.c_str(), "--model", model});
      break;
    case 13:
      program({"inspect", path.c_str(), "--model", model, "--trial", number.c_str()});
      break;
    case 14:
      program({"inspect", path.c_str(), "--json", "--model", model, "--trial", number.c_str()});
      break;
    case 15:
      program({"recover", path.c_str()});
      break;
    case 16:
      program({"simulate", config_path.c_str(), "-o", path.c_str(), "--resume", "--quiet"});
      break;
    default:
      try {
        read_as(use, path, model, trial);
      } catch (const Error&) {
      }
  }
  std::string after(untouched.size() + 1, '\0');
  after.resize(static_cast<std::size_t>(::pread(elsewhere.descriptor(), after.data(), after.size(), 0)));
  if (after != untouched) std::abort();  // only the file that was named may be written
  if (open_identifiers() != open) std::abort();
  return 0;
}
