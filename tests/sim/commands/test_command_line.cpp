#include "support/experiment_text.hpp"
#include "support/run_program.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/record/run_reader.hpp>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>
#include <cmath>
#include <filesystem>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string smallest = learning_text() + R"([record]
trials = [3]
measures = ["angle_ndi", "settling_time", "spectral_abscissa"]
)" + inversion_text("DI", "solver = \"sequential_euler\"\nalpha = 0.5");

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("simulate, inspect and check") {
  const TemporaryFolder folder;
  const std::string config = write(folder, "small.toml", smallest);
  const std::string file = folder / "out.h5";
  const Outcome run = dynvert_run({"simulate", config, "-o", file, "--quiet"});
  CHECK(run.code == 0);
  CHECK(run.err.empty());
  CHECK_THAT(run.out, Contains("20 trials"));

  const RunReader reader(file);
  CHECK(std::get<std::int64_t>(*reader.attribute("/", "complete")) == 1);
  CHECK(std::get<std::int64_t>(*reader.attribute("/", "trials_committed")) == 20);
  CHECK(std::get<std::string>(*reader.attribute("/", "status")) == "complete");
  CHECK(reader.shape("/models/DI/trace/delta_1")[0] >= 1);

  const Outcome table = dynvert_run({"inspect", file});
  CHECK(table.code == 0);
  CHECK_THAT(table.out, Contains("DI") && Contains("nse") && Contains("settling time"));
  const Outcome detail = dynvert_run({"inspect", file, "--model", "DI"});
  CHECK_THAT(detail.out, Contains("angle_ndi_1") && Contains("settling_time_2"));
  const auto json =
      nlohmann::json::parse(dynvert_run({"inspect", file, "--model", "DI", "--trial", "3", "--json"}).out);
  CHECK(json["complete"] == true);
  CHECK(json["models"][0]["trial"]["values"]["settling_time_2"] ==
        reader.column("/models/DI/learning/settling_time_2")[3]);
  CHECK(json["models"][0]["trial"]["record"].is_number());

  const Outcome plan = dynvert_run({"check", config});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.out, Contains("5-4-3") && Contains("999 steps") && Contains("memory") && Contains("file"));
  CHECK(folder.files() == 2);  // check wrote nothing

  // the configuration in the file gives the same numbers again
  const std::string again = write(folder, "again.toml", std::get<std::string>(*reader.attribute("/", "config")));
  REQUIRE(dynvert_run({"simulate", again, "-o", folder / "again.h5", "--quiet"}).code == 0);
  const RunReader second(folder / "again.h5");
  CHECK(reader.column("/models/DI/eval/train_loss") == second.column("/models/DI/eval/train_loss"));
}

TEST_CASE("bad input: one clear message, the right exit code, nothing left behind") {
  const TemporaryFolder folder;
  const std::string out = folder / "out.h5";
  const auto refused = [&](const std::string& text, int code, const std::vector<std::string>& parts) {
    const std::string config = write(folder, "bad.toml", text);
    const Outcome run = dynvert_run({"simulate", config, "-o", out, "--quiet"});
    CAPTURE(run.err);
    CHECK(run.code == code);
    for (const auto& part : parts) CHECK_THAT(run.err, Contains(part));
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(folder.files() == 1);
  };
  refused(replaced(smallest, "solver =", "sovler ="), 2, {"bad.toml:16", "sovler", "did you mean \"solver\""});
  refused(replaced(smallest, "alpha = 0.5", "alpha = \"high\""), 2, {"alpha", "\"high\""});
  refused(replaced(smallest, "alpha = 0.5", "alpha = nan"), 2, {"alpha", "nan"});
  refused(replaced(smallest, "alpha = 0.5", "tau_u = -1.0"), 2, {"tau_u", "-1"});
  refused(replaced(smallest, "rate = 0.01", "rate = 0.01\nfoo = 1"), 2, {"foo"});
  refused(replaced(smallest, "[task]", "[task]\ninputs = 7"), 2, {"inputs", "7", "5"});
  refused("[experiment\n", 2, {"bad.toml:1"});
  refused("", 2, {"bad.toml"});
  // the loop grows: exit 3, and the file that holds the run up to there says so
  const std::string unstable =
      replaced(smallest, "alpha = 0.5", "feedback = { kind = \"negative_transpose\", gain = 1e7 }");
  const Outcome run = dynvert_run({"simulate", write(folder, "bad.toml", unstable), "-o", out, "--quiet"});
  CHECK(run.code == 3);
  CHECK_THAT(run.err, Contains("model DI") && Contains("trial 0") && Contains("time") && Contains("Try:"));
  const RunReader reader(out);
  CHECK(std::get<std::int64_t>(*reader.attribute("/", "complete")) == 0);
  CHECK(std::get<std::string>(*reader.attribute("/", "status")) == "diverged");
}

TEST_CASE("outputs that cannot be, and inputs that are not ours") {
  const TemporaryFolder folder;
  const std::string config = write(folder, "small.toml", smallest);
  const std::string precious = write(folder, "precious.h5", "my data");
  const auto run_to = [&](const std::string& file, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"simulate", config, "-o", file, "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return dynvert_run(words);
  };
  const Outcome exists = run_to(precious);
  CHECK(exists.code == 4);
  CHECK_THAT(exists.err, Contains("exists") && Contains("--overwrite"));
  CHECK(run_to(precious, {"--overwrite"}).code == 4);  // not a dynvert file
  CHECK(contents(precious) == "my data");

  CHECK(run_to(folder / "no/such/folder/x.h5").code == 4);
  if (::geteuid() != 0) {  // root may write anywhere
    const auto closed = folder.path() / "closed";
    std::filesystem::create_directory(closed);
    std::filesystem::permissions(closed, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    CHECK(run_to((closed / "x.h5").string()).code == 4);
  }
  CHECK(run_to("/proc/x.h5").code == 4);

  REQUIRE(run_to(folder / "run.h5").code == 0);
  CHECK(run_to(folder / "run.h5").code == 4);
  CHECK(run_to(folder / "run.h5", {"--overwrite"}).code == 0);

  const Outcome text = dynvert_run({"inspect", precious});
  CHECK(text.code == 4);
  CHECK_THAT(text.err, Contains("precious.h5"));
  CHECK(dynvert_run({"inspect", folder / "missing.h5"}).code == 4);
  const Outcome model = dynvert_run({"inspect", folder / "run.h5", "--model", "XX"});
  CHECK(model.code == 2);
  CHECK_THAT(model.err, Contains("DI"));
  CHECK(dynvert_run({"inspect", folder / "run.h5", "--trial", "99"}).code == 2);
  CHECK(dynvert_run({"simulate", folder / "missing.toml"}).code != 0);
}

TEST_CASE("usage") {
  CHECK(dynvert_run({}).code == 2);
  CHECK(dynvert_run({"simulate"}).code == 2);
  CHECK(dynvert_run({"simulat", "x"}).code == 2);
  CHECK(dynvert_run({"inspect", "x", "--trial", "-3"}).code == 2);
  CHECK(dynvert_run({"--help"}).code == 0);
  CHECK_THAT(dynvert_run({"simulate", "--help"}).out, Contains("--overwrite") && Contains("--set"));
  CHECK_THAT(dynvert_run({"--version"}).out, Contains("dynvert 0."));
}
