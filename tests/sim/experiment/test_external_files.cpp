// Files that a run reads beside its configuration: which they are, and whether they are still what they were.

#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/platform/checksum.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/record/file_recorder.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace dynvert;
using Catch::Matchers::Contains;
using namespace dynvert::test;

namespace {

/// Two samples of two bytes each, and their labels.
void write_idx_pair(const TemporaryFolder& folder, const std::string& prefix) {
  const auto bytes = [](std::initializer_list<unsigned> values) {
    std::string text;
    for (const unsigned v : values) text.push_back(static_cast<char>(v));
    return text;
  };
  write_text(folder / (prefix + "x"), bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 10, 200, 30, 40}));
  write_text(folder / (prefix + "labels"), bytes({0, 0, 8, 1, 0, 0, 0, 2, 0, 1}));
}

void write_weights(const std::string& path, double value) {
  const Axis two{"i", {0, 1}, true, "1", ""};
  RunFile file = RunFile::create(path, {.overwrite = true}, {});
  for (const char* name : {"W1", "W2", "B2"}) {
    file.write_once("/", {two, two}, {name, ValueType::real, {}, "1", "", ""}, std::vector<double>{value, 0, 0, value});
  }
  file.finish("complete");
}

const std::string learning = R"(
[experiment]
trials = 400
[task]
kind = "dataset"
path = "x"
targets_path = "labels"
test_path = "test_x"
test_targets_path = "test_labels"
targets = "classes"
[network]
layers = [2, 2, 2]
init = { kind = "file", path = "weights.h5" }
[learning]
rate = 1e-6
)" + backprop_text() + inversion_text("DI", R"(solver = "fixed_point"
feedback = { kind = "file", path = "weights.h5" })");

constexpr const char* circuit = R"(
[experiment]
trials = 40
[dynamics]
duration = 1.0
[[population]]
name = "E"
units = 2
[[projection]]
name = "P"
source = "E"
target = "E"
kind = "file"
path = "weights.h5"
dataset = "W1"
)";

/// Begins the run and stops it before its last trial.
void interrupt(const Config& config, const std::string& output) {
  FileRecorder recorder(RunFile::create(output, {.overwrite = true}, root_attributes(config, "test")));
  const std::atomic<bool> stop = true;
  CHECK(make_experiment(config)->run(recorder, {.progress = nullptr, .stop = &stop}) == RunStatus::interrupted);
}

std::string refusal(const Config& config, const std::string& output) {
  try {
    static_cast<void>(check_resumable(RunFile::reopen(output, {}), config));
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a run names the files that it read, and does not go on with others") {
  const TemporaryFolder folder;
  write_idx_pair(folder, "");
  write_idx_pair(folder, "test_");
  write_weights(folder / "weights.h5", 0.5);
  const std::string toml = folder / "run.toml", output = folder / "out.h5", weights = folder / "weights.h5";
  const Config config = configure(learning, {}, toml);
  CHECK(external_files(config) == std::vector<ExternalFile>{{"/task", "inputs", folder / "x"},
                                                            {"/task", "targets", folder / "labels"},
                                                            {"/task", "test_inputs", folder / "test_x"},
                                                            {"/task", "test_targets", folder / "test_labels"},
                                                            {"/", "init", weights},
                                                            {"/models/DI", "feedback", weights}});
  interrupt(config, output);
  {
    const RunFile file = RunFile::reopen(output, {});
    const auto is = [&](const char* object, const char* name, const std::string& value) {
      CHECK(file.attribute(object, name) == AttributeValue(value));
    };
    is("/task", "test_targets_path", folder / "test_labels");
    is("/task", "test_targets_sha256", file_sha256(folder / "test_labels"));
    is("/", "init_sha256", file_sha256(weights));
    is("/models/DI", "feedback_path", weights);
    is("/models/DI", "feedback_sha256", file_sha256(weights));
  }
  CHECK(refusal(config, output) == "none");

  for (const char* name : {"x", "labels", "test_x", "test_labels"}) {
    const std::string path = folder / name;
    const std::string before = file_sha256(path);
    std::filesystem::copy_file(path, folder / "kept");
    // the last byte; the file stays readable
    std::fstream(path, std::ios::binary | std::ios::in | std::ios::out).seekp(-1, std::ios::end) << '\0';
    const std::string said = refusal(config, output);
    CHECK_THAT(said,
               Contains("cannot be resumed") && Contains(path) && Contains(before) && Contains(file_sha256(path)));
    CHECK_THAT(said, Contains("the data with which the run was begun"));
    std::filesystem::rename(folder / "kept", path);
  }
  CHECK(refusal(config, output) == "none");
  std::filesystem::rename(folder / "labels", folder / "away");
  CHECK_THAT(refusal(config, output), Contains("labels: cannot be opened"));
  std::filesystem::rename(folder / "away", folder / "labels");

  write_weights(weights, 0.25);
  CHECK_THAT(refusal(config, output), Contains("the data in " + weights) && Contains("; the data in"));
}

TEST_CASE("a circuit does not go on with another matrix") {
  const TemporaryFolder folder;
  write_weights(folder / "weights.h5", 0.5);
  const Config config = configure(circuit, {}, folder / "run.toml");
  CHECK(external_files(config) == std::vector<ExternalFile>{{"/models/circuit", "P", folder / "weights.h5"}});
  interrupt(config, folder / "out.h5");
  CHECK(refusal(config, folder / "out.h5") == "none");
  write_weights(folder / "weights.h5", 0.25);
  CHECK_THAT(refusal(config, folder / "out.h5"), Contains("the data in " + folder / "weights.h5"));
}

TEST_CASE("a run that was stopped before its first commit has named no files") {
  const TemporaryFolder folder;
  write_weights(folder / "weights.h5", 0.5);
  const Config config = configure(circuit, {}, folder / "run.toml");
  static_cast<void>(RunFile::create(folder / "out.h5", {}, root_attributes(config, "test")));
  write_weights(folder / "weights.h5", 0.25);
  CHECK(refusal(config, folder / "out.h5") == "none");
}
