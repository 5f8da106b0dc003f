// Fixed points of user-defined circuits: inspect and the report, against closed forms.

#include "support/run_program.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/inspect/recorded_circuit.hpp>
#include <dynvert/sim/inspect/recorded_model.hpp>
#include <dynvert/sim/report/report_data.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

/// tau_E dE/dt = -E + 1.5 E - I + 1,  tau_I dI/dt = -I + 2 E, threshold-linear, both above threshold: at rest E = 2/3
/// and I = 4/3, and with tau_E = 1, tau_I = 1.5 the Jacobian has the trace -1/6 and the determinant 1.
const std::string pair = R"(
[experiment]
trials = 3
[dynamics]
solver = "dopri5"
dt = 0.1
duration = 30.0
[[population]]
name = "E"
rate = "relu"
initial = 0.5
[[population]]
name = "I"
tau = 1.5
rate = "relu"
initial = 0.5
[[projection]]
source = "E"
target = "E"
weight = 1.5
[[projection]]
source = "E"
target = "I"
weight = 2.0
[[projection]]
source = "I"
target = "E"
kind = "matrix"
matrix = [[-1.0]]
[[input]]
population = "E"
amplitude = 1.0
)";

std::string simulated(const TemporaryFolder& folder, const std::string& text, int code = 0) {
  const std::string file = folder / "run.h5";
  const Outcome run = dynvert_run({"simulate", write(folder, "run.toml", text), "-o", file, "--quiet"});
  CAPTURE(run.err);
  REQUIRE(run.code == code);
  return file;
}

nlohmann::json inspected(const std::string& file, const std::string& option, const std::string& value) {
  const Outcome run = dynvert_run({"inspect", file, option, value, "--json"});
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  return nlohmann::json::parse(run.out)["models"][0];
}

}  // namespace

TEST_CASE("an excitatory-inhibitory pair: fixed point, rates and spectrum in closed form") {
  const TemporaryFolder folder;
  const std::string file = simulated(folder, pair);
  const auto json = inspected(file, "--trial", "1");
  const auto& point = json["trial"]["circuit"]["fixed_point"];
  // Newton's step on a system of two, and eigenvalues of a 2 x 2 matrix of condition below 10: a few units of rounding
  constexpr double rounding = 1e-13;
  CHECK(point["states"]["E"][0].get<double>() == Approx(2.0 / 3).epsilon(rounding));
  CHECK(point["states"]["I"][0].get<double>() == Approx(4.0 / 3).epsilon(rounding));
  CHECK(point["rates"] == point["states"]);
  const std::complex<double> root = std::sqrt(std::complex<double>(1.0 / 36 - 4));
  for (const auto k : {std::size_t{0}, std::size_t{1}}) {
    const std::complex<double> lambda = (-1.0 / 6 + (k == 0 ? 1.0 : -1.0) * root) / 2.0;
    CHECK(point["eigenvalues"][k][0].get<double>() == Approx(lambda.real()).epsilon(rounding));
    CHECK(point["eigenvalues"][k][1].get<double>() == Approx(lambda.imag()).epsilon(rounding));
  }
  CHECK(point["stability"]["spectral_abscissa"].get<double>() == Approx(-1.0 / 12).epsilon(rounding));
  CHECK(point["stability"]["slowest_time_constant"].get<double>() == Approx(12).epsilon(rounding));
  // |1 + h lambda| < 1 for h below -2 Re(lambda)/|lambda|^2, and |lambda|^2 is the determinant
  CHECK(point["stability"]["largest_stable_step_euler"].get<double>() == Approx(1.0 / 6).epsilon(1e-6));
  CHECK_FALSE(point["stability"].contains("critical_leak"));
  // exp(-30/12) = 8 % of the distance at the start is left, which is about the size of the fixed point
  CHECK(json["trial"]["circuit"]["settled"] == false);
  CHECK(json["trial"]["values"]["converged"] == 0);
  CHECK(json["not_computed"].is_null());

  const Outcome text = dynvert_run({"inspect", file, "--trial", "1"});
  CHECK_THAT(text.out, Contains("fixed point next to the end") && Contains("0.6667") && Contains("1.333") &&
                           Contains("eigenvalues, the slowest first: -0.0833+0.997i, -0.0833-0.997i") &&
                           Contains("the circuit: abscissa -0.0833"));
}

TEST_CASE("two attractors: each trial has the fixed point that it came to, and --model lists both") {
  const TemporaryFolder folder;
  // tau dx/dt = -x + 2 tanh(x): rest at 0, which is unstable, and at the two roots of x = 2 tanh(x)
  const std::string file = simulated(folder, R"(
[experiment]
trials = 12
[dynamics]
solver = "rk4"
dt = 0.1
duration = 40.0
[[population]]
name = "x"
rate = "tanh"
initial_half_width = 1.0
[[projection]]
source = "x"
target = "x"
weight = 2.0
)");
  double root = 2;
  for (int i = 0; i < 100; ++i) root = 2 * std::tanh(root);  // contracts by 2 (1 - tanh^2) = 0.17
  const auto points = inspected(file, "--model", "circuit")["fixed_points"];
  CHECK(points["trials_looked_at"] == 12);
  CHECK(points["without"] == 0);
  REQUIRE(points["found"].size() == 2);
  std::size_t trials = 0;
  for (const auto& found : points["found"]) {
    trials += found["trials"].get<std::size_t>();
    const double x = found["states"]["x"][0].get<double>();
    CHECK(std::abs(x) == Approx(root).epsilon(1e-12));
    CHECK(found["rates"]["x"][0].get<double>() == Approx(x / 2).epsilon(1e-12));
    CHECK(found["eigenvalues"][0][0].get<double>() == Approx(-1 + 2 * (1 - x * x / 4)).epsilon(1e-11));
    const auto trial = inspected(file, "--trial", std::to_string(found["first_trial"].get<int>()))["trial"]["circuit"];
    CHECK(trial["fixed_point"]["states"] == found["states"]);
    CHECK(trial["settled"] == true);
    CHECK(trial["end"]["x"][0].get<double>() == Approx(x).epsilon(1e-6));
  }
  CHECK(trials == 12);
  CHECK(points["found"][0]["states"]["x"][0].get<double>() * points["found"][1]["states"]["x"][0].get<double>() < 0);
  CHECK_THAT(dynvert_run({"inspect", file, "--model", "circuit"}).out,
             Contains("fixed points next to which trials ended") && Contains("trials, the first is trial 0"));
}

TEST_CASE("what has no fixed point says why") {
  const TemporaryFolder folder;
  const std::string noisy = pair + "[[input]]\npopulation = \"I\"\nshape = \"noise\"\nname = \"jitter\"\n";
  CHECK_THAT(inspected(simulated(folder, noisy), "--trial", "0")["trial"]["circuit"]["missing"].get<std::string>(),
             Contains("an input was still changing at the end (jitter)"));

  const TemporaryFolder white;
  const std::string shaken = simulated(white, R"(
[experiment]
trials = 1
[dynamics]
solver = "euler_maruyama"
dt = 0.1
duration = 5.0
[[population]]
name = "x"
noise = 0.1
)");
  CHECK(inspected(shaken, "--trial", "0")["trial"]["circuit"]["missing"] ==
        "none: white noise keeps the circuit in motion");

  const TemporaryFolder other;
  // dx/dt = x from 1: beyond the limit of 1e6 after 14
  const std::string file = simulated(other, R"(
[experiment]
trials = 2
[dynamics]
solver = "rk4"
dt = 0.1
duration = 30.0
on_divergence = "skip"
[[population]]
name = "x"
initial = 1.0
[[projection]]
source = "x"
target = "x"
weight = 2.0
)");
  const auto circuit = inspected(file, "--trial", "1")["trial"]["circuit"];
  CHECK(circuit["missing"] == "the trial failed");
  CHECK(circuit["fixed_point"].is_null());
  CHECK(inspected(file, "--model", "circuit")["fixed_points"]["without"] == 2);
}

TEST_CASE("the report of a circuit: fixed points, rates, distance and spectrum of each trial") {
  const TemporaryFolder folder;
  const std::string file = simulated(folder, pair);
  const RunReader reader(file);
  const ReportData data = read_report(reader, {});
  CHECK(data.notes.empty());
  REQUIRE(data.models.size() == 1);
  REQUIRE(data.models[0].trials.size() == 3);
  for (const ReportTrial& trial : data.models[0].trials) {
    const auto population = [&](const std::string& name) -> const ReportPopulation& {
      return *std::ranges::find(trial.populations, name, &ReportPopulation::name);
    };
    const ReportPopulation& E = population("E");
    REQUIRE(E.fixed_point.size() == 1);
    CHECK(E.fixed_point[0] == Approx(2.0 / 3));
    REQUIRE(E.rates.size() == E.values.size());
    for (std::size_t i = 0; i < E.values.size(); ++i) CHECK(E.rates[i] == std::max(E.values[i], 0.0));
    // the inputs are no populations
    CHECK(population("input_E").rates.empty());
    CHECK(population("input_E").fixed_point.empty());

    REQUIRE(trial.loops.size() == 1);
    const ReportLoop& circuit = trial.loops[0];
    CHECK(circuit.is_circuit);
    REQUIRE(circuit.spectrum);
    CHECK(circuit.spectrum->values.size() == 2);
    REQUIRE(circuit.residual.size() == circuit.time.size());
    // at the start both are 0.5: |(1/6, 5/6)| / |(2/3, 4/3)|
    CHECK(circuit.residual.front() == Approx(std::sqrt(26.0 / 80)).epsilon(1e-12));
    const ReportPopulation& I = population("I");
    const double end = std::hypot(E.values.back() - 2.0 / 3, I.values.back() - 4.0 / 3) / std::sqrt(20.0 / 9);
    CHECK(circuit.residual.back() == Approx(end).epsilon(1e-9));
  }
}

TEST_CASE("a circuit's weights are those of the file, which need not be where the run read them") {
  const TemporaryFolder folder;
  const std::string file = simulated(folder, pair);
  const RunReader reader(file);
  Config config = recorded_config(reader);
  // a configuration that would read a file that is not there
  for (ProjectionConfig& p : config.circuit.projections) {
    if (p.kind == "matrix") p.kind = "file";
    p.path = folder / "gone.h5";
  }
  const RecordedCircuit circuit(reader, config);
  const CircuitTrial trial = circuit.trial(0);
  REQUIRE(trial.fixed_point);
  CHECK(trial.fixed_point->states[0].values[0] == Approx(2.0 / 3).epsilon(1e-13));
}
