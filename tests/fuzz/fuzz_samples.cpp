// HDF5 files with samples and weights that lie, as the task "dataset" and kind = "file" read them.

#include "hostile_file.hpp"
#include "scratch_file.hpp"
#include "seed_files.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/tasks/task.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

using namespace dynvert;
using namespace dynvert::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> seed = seed_samples();
  if (size < 4) return -1;
  FuzzedDataProvider bytes(data, size);
  const int use = bytes.ConsumeIntegralInRange(0, 3);
  const int snapshot = bytes.ConsumeIntegralInRange(-1, 2);
  const ScratchFile file(seed), elsewhere(std::string(64, 'x'));
  const std::string group = bytes.PickValueInArray({"/", "/weights", "weights//", "/x"});
  Config config;
  config.task = {.kind = "dataset",
                 .inputs = 3,
                 .outputs = 2,
                 .samples = bytes.ConsumeIntegralInRange<std::size_t>(0, 5),
                 .path = file.path(),
                 .group = group,
                 .transposed = bytes.ConsumeBool(),
                 .targets = use == 0 ? "values" : "classes",
                 .labels_from = bytes.ConsumeIntegralInRange(0, 1),
                 .scaling = use == 0 ? "standardised" : "none"};
  spoil(file.path(), elsewhere.path(), bytes);
  const long open = open_identifiers();
  try {
    if (use < 2) {
      task_kind("dataset").count_samples(config.task);
      static_cast<void>(task_kind("dataset").make(config));
    } else if (use == 2) {
      static_cast<void>(read_matrix(file.path(), group, "W2", 3, 2, "units of layer 1 x units of layer 2", snapshot));
    } else {
      static_cast<void>(read_vector(file.path(), group, "b2", 3, "units", snapshot));
    }
  } catch (const Error&) {
  }
  if (open_identifiers() != open) std::abort();
  return 0;
}
