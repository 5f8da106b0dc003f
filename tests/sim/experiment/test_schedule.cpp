// Schedules of stimulus and target: what is refused, and how a trial runs through one.

#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/memory_recorder.hpp"

#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/experiment/experiment.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

/// A small concurrent model with these phases.
std::string with_phases(const std::string& phases, const std::string& keys = "") {
  return learning_text({.trials = 3,
                        .samples = 8,
                        .layers = "4, 3, 2",
                        .network = "init = { kind = \"uniform\", half_width = 0.5 }\n"}) +
         "[dynamics]\ndt = 0.5\nphases = " + phases + "\n[record]\nevery = 1\n" +
         model_text("C", "credit = \"concurrent_inversion\"\nalpha = 0.2\n" + keys);
}

std::string fault(const std::string& phases, const std::string& keys = "") {
  try {
    static_cast<void>(configure(with_phases(phases, keys)));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

MemoryRecorder run(const std::string& text) {
  MemoryRecorder recorder;
  make_experiment(configure(text))->run(recorder, {});
  return recorder;
}

const std::string good = R"([
  { duration = 2 },
  { duration = 5, stimulus = true },
  { duration = 20, stimulus = true, target = true },
  { start = 30, duration = 5, stimulus = true },
])";

}  // namespace

TEST_CASE("bad schedules are refused with a clear message") {
  CHECK(fault(good).empty());
  CHECK_THAT(fault("[{ duration = 5, target = true }, { start = 4, duration = 5 }]"),
             Contains("dynamics.phases[2].start") && Contains("the phase before ends at 5: they overlap") &&
                 Contains("at least 5"));
  CHECK_THAT(fault("[{ duration = 0, target = true }]"), Contains("phases[1].duration") && Contains("above 0"));
  CHECK_THAT(fault("[{ duration = -5, target = true }]"), Contains("phases[1].duration") && Contains("above 0"));
  CHECK_THAT(fault("[{ start = -1, duration = 5, target = true }]"), Contains("start") && Contains("at least 0"));
  CHECK_THAT(fault("[{ duration = 5, stimulus = true }]"), Contains("the target is never on"));
  CHECK_THAT(fault("[{ target = true }]"), Contains("phases[1].duration") && Contains("is missing"));
  CHECK_THAT(fault("[{ duration = 5, traget = true }]"), Contains("unknown key") && Contains("target"));
  CHECK_THAT(fault("[5]"), Contains("a table, as in { duration"));
  CHECK_THAT(fault("{ duration = 5 }"), Contains("a list of tables"));
  // a switch falls on a sample of the trace, for an adaptive solver, too
  CHECK_THAT(fault("[{ duration = 5.25, target = true }]"), Contains("phases[1].duration 5.25 is not a whole number"));
  CHECK_THAT(fault("[{ duration = 5 }, { start = 5.2, duration = 5, target = true }]"),
             Contains("the gap before phases[2]"));
  CHECK_THAT(fault(good, "duration = 50.0\n"), Contains("duration: does not apply with phases"));
  CHECK_THAT(fault(good, "[[model]]\nname = \"D\"\ncredit = \"sequential_inversion\"\nphases = []\n"),
             Contains("phases: does not apply with credit = \"sequential_inversion\""));
  // what rounding does to a gap between decimals is not held against it
  CHECK(fault("[{ duration = 100 }, { start = 100.1, duration = 1.5, target = true }]", "dt = 0.1\n").empty());
}

TEST_CASE("a trace shows stimulus and target from their switches on, and silence where nothing is on") {
  const MemoryRecorder recorder = run(with_phases(good));
  const auto& stimulus = recorder.data.at("/models/C/trace/stimulus");
  const auto& target = recorder.data.at("/models/C/trace/target");
  const auto& e = recorder.data.at("/models/C/trace/e");
  const auto& a = recorder.data.at("/models/C/trace/a_1");
  const std::size_t samples = 71;
  REQUIRE(stimulus.size() == 3 * samples);
  for (std::size_t k = 0; k < samples; ++k) {
    const double t = 0.5 * static_cast<double>(k);
    CHECK(stimulus[k] == ((t >= 2 && t < 27) || t >= 30 ? 1 : 0));
    CHECK(target[k] == (t >= 7 && t < 27 ? 1 : 0));
    CHECK((e[2 * k] != 0) == (target[k] == 1));
    if (t <= 2) CHECK(a[3 * k] == 0);
  }
  // rates rise with the stimulus, decay in the gap, rise again
  const auto size = [&](std::size_t k) { return std::abs(a[3 * k]); };
  CHECK(size(14) > size(6));
  CHECK(size(60) < size(54));
  CHECK(size(70) > size(60));
}

TEST_CASE("credit is read at the end of the last phase with the target on, whatever comes after it") {
  // alike up to there: the same weights after the trials
  const MemoryRecorder longer = run(with_phases(good));
  const MemoryRecorder shorter = run(with_phases(R"([
  { duration = 2 },
  { duration = 5, stimulus = true },
  { duration = 20, stimulus = true, target = true },
])"));
  for (const std::string name : {"W1", "W2"}) {
    CHECK(longer.data.at("/models/C/weights/" + name) == shorter.data.at("/models/C/weights/" + name));
  }
}
