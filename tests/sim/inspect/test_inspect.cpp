// What inspect, its maps and export make of files, through the command line and below it.

#include "support/experiment_text.hpp"
#include "support/run_program.hpp"
#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/analysis/stability_map.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/inspect/column_statistics.hpp>
#include <dynvert/sim/inspect/stability_map_file.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

/// A run of 20 trials, snapshots after 0, 5, 10, 15, 20; DI sequential, tanh; BP beside it.
std::string simulate_small(const TemporaryFolder& folder) {
  const std::string text =
      learning_text({.layers = "5, 4, 4, 3",
                     .network = "activation = \"tanh\"\nbias = true\ninit = { half_width = 0.5 }\n",
                     .experiment = "title = \"small\"\n"}) +
      R"([record]
trials = [5, 7]
weights_every = 5
measures = ["angle_ndi", "distance_ndi", "settling_time", "spectral_abscissa", "critical_leak", "delay_margin",
            "overshoot", "amplification", "decay_rate", "largest_stable_step_sequential_euler", "numerical_abscissa"]
)" + backprop_text() +
      inversion_text("DI", R"(transfer = "nonlinear"
solver = "sequential_euler"
alpha = 0.5
duration = 50.0)");
  const std::string file = folder / "run.h5";
  REQUIRE(dynvert_run({"simulate", write(folder, "small.toml", text), "-o", file, "--quiet"}).code == 0);
  return file;
}

}  // namespace

TEST_CASE("statistics of columns: as sorting has them, whatever fits into memory") {
  const TemporaryFolder folder;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(rc::check("median by digits", [&] {
    const auto values = *rc::gen::container<std::vector<double>>(rc::gen::oneOf(
        rc::gen::arbitrary<double>(), rc::gen::element(0.0, -0.0, 1.0, 2.0, 1e300, -1e300, 1e-310, nan)));
    const std::string path = folder / "columns.h5";
    {
      RunFile file = RunFile::create(path, {.overwrite = true}, {});
      const GroupSpec spec{.path = "/models/A/learning",
                           .row_dimension = "trial",
                           .datasets = {{.name = "trial", .type = ValueType::integer}, {.name = "x"}, {.name = "y"}}};
      const auto group = file.add_group(spec);
      Rows rows(spec);
      for (std::size_t i = 0; i < values.size(); ++i) {
        rows.values[0].push_back(static_cast<double>(i));
        rows.values[1].push_back(values[i]);
        rows.values[2].push_back(-values[i]);
        ++rows.count;
      }
      file.append(group, rows);
      file.finish("complete");
    }
    const RunReader reader(path);
    const std::vector<std::string> both{"/models/A/learning/x", "/models/A/learning/y"};
    std::vector<double> sorted;
    for (const double v : values) {
      if (std::isfinite(v)) sorted.insert(sorted.end(), {v, -v});
    }
    std::ranges::sort(sorted);
    for (const std::size_t in_memory : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
      const ColumnStatistics s = column_statistics(reader, both, false, in_memory);
      RC_ASSERT(s.count == sorted.size());
      RC_ASSERT(s.missing == 2 * values.size() - sorted.size());
      if (sorted.empty()) {
        RC_ASSERT(std::isnan(s.median) && std::isnan(s.least) && std::isnan(s.greatest));
        continue;
      }
      RC_ASSERT(s.least == sorted.front());
      RC_ASSERT(s.greatest == sorted.back());
      const std::size_t middle = sorted.size() / 2;
      RC_ASSERT(s.median == (sorted[middle - 1] + sorted[middle]) / 2);

      // what is missing as infinite: the order statistics of all values
      std::vector<double> late = sorted;
      late.resize(2 * values.size(), std::numeric_limits<double>::infinity());
      const ColumnStatistics of_all = column_statistics(reader, both, false, in_memory, MissingValue::infinite);
      RC_ASSERT(of_all.median == (late[values.size() - 1] + late[values.size()]) / 2);
    }
    const ColumnStatistics flags = column_statistics(reader, {both.data(), 1}, true, 1);
    RC_ASSERT(flags.count == static_cast<std::size_t>(
                                 std::ranges::count_if(values, [](double v) { return std::isfinite(v) && v >= 0; })));
  }));
}

TEST_CASE("a trial is run again: the numbers of the run where the weights are the trial's own") {
  const TemporaryFolder folder;
  const std::string file = simulate_small(folder);
  const RunReader reader(file);
  const auto inspect = [&](const std::string& trial) {
    const Outcome run = dynvert_run({"inspect", file, "--model", "DI", "--trial", trial, "--json"});
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    return nlohmann::json::parse(run.out)["models"][0];
  };
  const auto model = inspect("5");
  CHECK(model["not_computed"].is_null());
  const auto& computed = model["trial"]["computed"];
  CHECK(computed["snapshot"] == 5);
  CHECK(computed["trials_away"] == 0);
  for (const auto& [name, value] : model["trial"]["values"].items()) {
    if (!computed["measures"].contains(name)) continue;
    CAPTURE(name, value, computed["measures"][name]);
    if (value.is_number()) {
      // the same operations on the same numbers
      CHECK(computed["measures"][name].get<double>() == Approx(value.get<double>()).epsilon(1e-13));
    } else {
      CHECK(computed["measures"][name] == value);
    }
  }
  CHECK(model["trial"]["values"].size() > 20);
  CHECK(computed["loops"].size() == 2);
  CHECK(computed["loops"][0]["spectral_abscissa"] == computed["measures"]["spectral_abscissa_3"]);
  CHECK(computed["loops"][1]["loop"] == 2);

  // no snapshot of its own: the nearest, and it is said
  const auto away = inspect("7");
  CHECK(away["trial"]["computed"]["snapshot"] == 5);
  CHECK(away["trial"]["computed"]["trials_away"] == 2);
  CHECK(inspect("9")["trial"]["computed"]["snapshot"] == 10);
  const Outcome text = dynvert_run({"inspect", file, "--model", "DI", "--trial", "7"});
  CHECK_THAT(text.out, Contains("2 trials away") && Contains("as recorded") && Contains("distance to NDI") &&
                           Contains("settling time") && Contains("critical leak"));
  // an algebraic rule has distances and no loops
  const Outcome rule = dynvert_run({"inspect", file, "--model", "BP", "--trial", "5"});
  CHECK(rule.code == 0);
  CHECK_THAT(rule.out, Contains("distance to PBP") && !Contains("loop 2"));
}

TEST_CASE("stability of snapshots, and what is said to be near instability") {
  const TemporaryFolder folder;
  const std::string file = simulate_small(folder);
  const auto json = nlohmann::json::parse(dynvert_run({"inspect", file, "--model", "DI", "--json"}).out);
  const auto& stability = json["models"][0]["stability"];
  REQUIRE(stability.size() == 5);
  CHECK(stability[4]["snapshot"] == 20);
  CHECK(stability[0]["loops"].size() == 2);
  CHECK(stability[0]["loops"][0]["linear"] == false);
  const Outcome overview = dynvert_run({"inspect", file});
  CHECK(overview.code == 0);

  LoopStability s{.loop = 2, .controller = "u_2", .alpha = 0.001, .tau_u = 1};
  s.values.assign(stability_measures().size(), arma::datum::nan);
  const auto value = [&](std::string_view name) -> double& {
    const auto found = std::ranges::find(stability_measures(), name, &LoopMeasure::name);
    return s.values.at(static_cast<std::size_t>(found - stability_measures().begin()));
  };
  DynamicsConfig dynamics;
  dynamics.solver = "sequential_euler";
  value("spectral_abscissa") = -0.0008;
  value("critical_leak") = 0.0009;
  value("largest_stable_step_sequential_euler") = 0.52;
  value("largest_stable_step_euler") = 0.1;  // another solver's
  value("delay_margin") = 0.01;
  auto found = findings(s, dynamics);
  REQUIRE(found.size() == 4);
  CHECK(found[0].text ==
        "loop 2: abscissa -0.0008: slowest time constant 1250 > duration 499.5: what lies along that "
        "mode does not settle");
  CHECK(found[1].text == "loop 2: critical leak 0.0009, alpha 0.001");
  CHECK_THAT(found[2].text, Catch::StartsWith("loop 2: delay margin 0.01"));
  CHECK(found[3].text == "loop 2: largest stable step of sequential_euler 0.52, dt 0.5");
  CHECK(std::ranges::none_of(found, &Finding::unstable));
  value("spectral_abscissa") = 0.02;
  s.alpha = 0.0005;
  dynamics.dt = 0.6;
  found = findings(s, dynamics);
  CHECK(std::ranges::count_if(found, &Finding::unstable) == 3);
  // far from it nothing is said
  value("spectral_abscissa") = -0.1;
  s.alpha = 0.1;
  value("critical_leak") = 0;
  value("delay_margin") = 3;
  value("largest_stable_step_sequential_euler") = 1.9;
  dynamics.dt = 0.5;
  CHECK(findings(s, dynamics).empty());
}

TEST_CASE("ranges of a map") {
  const MapRanges ranges = parse_map_ranges("ratio=0.5:2:lin,alpha=1e-3:1");
  CHECK(ranges.alpha.from == 1e-3);
  CHECK(ranges.alpha.logarithmic);
  const auto alpha = ranges.alpha.points(4);
  CHECK(alpha.front() == 1e-3);
  CHECK(alpha[1] == Approx(1e-2));
  CHECK(alpha.back() == 1);
  CHECK(ranges.ratio.points(4)[1] == Approx(1));
  CHECK(parse_map_ranges("alpha=0:1:lin").alpha.from == 0);
  CHECK(parse_map_ranges("alpha=0:1:lin").ratio.to == 10);
  for (const auto* bad : {"", "alpha", "alpha=", "alpha=1", "alpha=1:2:exp", "alpha=0:1", "alpha=-1:1:lin",
                          "ratio=0:1:lin", "alpha=2:1", "alpha=1:1", "alpha=nan:1", "alpha=1:inf", "alpha=1:2:log:3",
                          "beta=1:2", "alpha=1:2,alpha=1:2", "alpha=1:2,", "alpha= 1:2", "alpha=1e999:2"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_map_ranges(bad), ValueError);
  }
}

TEST_CASE("maps: the values of the run at the run's own point, and refusals that leave nothing behind") {
  const TemporaryFolder folder;
  const std::string file = simulate_small(folder);
  const std::string map = folder / "map.h5";
  const std::size_t before = folder.files();
  const auto make = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"inspect", file, "--map", "alpha=0.5:5,ratio=1:4", "--points", "3", "-o", map};
    words.insert(words.end(), more.begin(), more.end());
    return dynvert_run(words);
  };
  for (const auto& more : std::vector<std::vector<std::string>>{{"--snapshot", "6"},
                                                                {"--model", "XX"},
                                                                {"--model", "BP"},
                                                                {"--points", "1"},
                                                                {"--points", "4000"},
                                                                {"--trial", "5"},
                                                                {"--json"}}) {
    const Outcome refused = make(more);
    CAPTURE(more, refused.err);
    CHECK(refused.code == 2);
    CHECK(folder.files() == before);
  }
  CHECK_THAT(make({"--snapshot", "6"}).err, Contains("0, 5, 10, 15, 20"));
  CHECK(dynvert_run({"inspect", file, "--map", "alpha=0.5:5"}).code == 2);
  CHECK(dynvert_run({"inspect", file, "--points", "5"}).code == 2);
  CHECK(dynvert_run({"inspect", file, "--map", "alpha=0.5:5", "-o", folder / "no/map.h5"}).code == 4);
  CHECK(folder.files() == before);

  REQUIRE(make({"--snapshot", "10"}).code == 0);
  CHECK(folder.files() == before + 1);
  const h5::File opened = h5::open_file(map);
  CHECK(*h5::read_attribute(opened, "/", "Conventions") == AttributeValue(std::string("dynvert-map-1")));
  CHECK(*h5::read_attribute(opened, "/", "source") == AttributeValue(std::string("run.h5")));
  CHECK(*h5::read_attribute(opened, "/maps/DI", "snapshot") == AttributeValue(std::int64_t{10}));
  CHECK_FALSE(h5::has(opened, "/maps/BP"));
  const auto at_own_point = [&](const std::string& name) {
    return h5::read_rows(h5::open_dataset(opened, "/maps/DI/" + name), 0, 1).front();
  };
  // alpha = 0.5 and ratio = 1 are the model's, and the first point of each axis
  const auto json = nlohmann::json::parse(dynvert_run({"inspect", file, "--model", "DI", "--json"}).out);
  const auto& loops = json["models"][0]["stability"][2]["loops"];
  for (const auto& loop : loops) {
    const std::string l = std::to_string(loop["loop"].get<int>());
    for (const LoopMeasure& measure : stability_measures()) {
      if (!in_map(measure)) continue;
      CAPTURE(measure.name, l);
      const double mapped = at_own_point(measure.name + ("_" + l));
      CHECK((std::isinf(mapped) ? loop[measure.name] == "infinite" : loop[measure.name] == mapped));
    }
  }
  const Outcome exists = make({});
  CHECK(exists.code == 4);
  CHECK_THAT(exists.err, Contains("--overwrite"));
  CHECK(make({"--overwrite"}).code == 0);
  // a run is no map, and is not replaced by one
  const Outcome run = dynvert_run({"inspect", file, "--map", "alpha=0.5:5", "-o", file, "--overwrite"});
  CHECK(run.code == 4);
  CHECK_THAT(run.err, Contains("dynvert-map-1"));
  CHECK(dynvert_run({"inspect", file}).code == 0);
  // and a map is no run
  const Outcome wrong = dynvert_run({"inspect", map});
  CHECK(wrong.code == 4);
  CHECK_THAT(wrong.err, Contains("dynvert-map-1"));
}

TEST_CASE("export: refusals that leave nothing behind") {
  const TemporaryFolder folder;
  const std::string file = simulate_small(folder);
  const std::size_t before = folder.files();
  const auto refused = [&](std::vector<std::string> words, int code, const std::string& part) {
    words.insert(words.begin(), {"export", file});
    const Outcome run = dynvert_run(words);
    CAPTURE(words, run.err);
    CHECK(run.code == code);
    CHECK_THAT(run.err, Contains(part));
    CHECK(folder.files() == before);
  };
  refused({"-o", folder / "out.txt"}, 2, ".mat or .csv");
  refused({"-o", folder / "out.csv"}, 2, "--model");
  refused({"-o", folder / "out.csv", "--model", "XX"}, 2, "BP, DI");
  refused({"-o", folder / "out.csv", "--model", "DI", "--group", "nothing"}, 2, "learning, eval, weights, trace");
  refused({"-o", folder / "out.csv", "--model", "DI", "--group", "trace"}, 2, "--trial");
  refused({"-o", folder / "out.csv", "--model", "DI", "--trial", "6"}, 2, "5, 7");
  refused({"-o", folder / "out.mat", "--model", "DI", "--trial", "6"}, 2, "5, 7");
  refused({"-o", folder / "out.mat", "--model", "BP", "--trial", "5"}, 2, "no trajectories");
  refused({"-o", folder / "out.mat", "--group", "eval"}, 2, ".csv");
  refused({"-o", folder / "no/out.mat"}, 4, "folder");
  refused({"-o", "/proc/out.csv", "--model", "DI"}, 4, "/proc");
  const std::string cut = folder / "cut.h5";
  std::filesystem::copy(file, cut);
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) / 2);
  const Outcome truncated = dynvert_run({"export", cut, "-o", folder / "out.mat"});
  CHECK(truncated.code == 4);
  CHECK_THAT(truncated.err, Contains("truncated"));
  CHECK(dynvert_run({"inspect", cut}).code == 4);
  std::filesystem::remove(cut);

  for (const auto* name : {"out.mat", "out.csv"}) {
    const std::vector<std::string> words{"export", file, "-o", folder / name, "--model", "DI"};
    REQUIRE(dynvert_run(words).code == 0);
    CHECK(dynvert_run(words).code == 4);
    std::vector<std::string> again = words;
    again.emplace_back("--overwrite");
    CHECK(dynvert_run(again).code == 0);
  }
  CHECK(folder.files() == before + 2);
  std::ofstream(folder / "precious.mat") << "my data";
  CHECK(dynvert_run({"export", file, "-o", folder / "precious.mat", "--overwrite"}).code == 4);
}

TEST_CASE("export: tables as RFC 4180 has them") {
  const TemporaryFolder folder;
  const std::string file = simulate_small(folder);
  const RunReader reader(file);
  const auto lines_of = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"export", file, "-o", folder / "t.csv", "--overwrite"});
    REQUIRE(dynvert_run(words).code == 0);
    const std::string text = contents(folder / "t.csv");
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find("\r\n", at);
      REQUIRE(end != std::string::npos);
      lines.push_back(text.substr(at, end - at));
      at = end + 2;
    }
    return lines;
  };
  const auto learning = lines_of({"--model", "DI"});
  REQUIRE(learning.size() == 21);
  CHECK_THAT(learning[0], Catch::StartsWith("trial,trial_error,") && Contains(",angle_ndi_1 (degree),") &&
                              Contains("settling_time_2 (time)") && Catch::EndsWith("converged_2"));
  const double error = reader.column("/models/DI/learning/trial_error")[3];
  CHECK(std::stod(learning[4].substr(learning[4].find(',') + 1)) == error);
  CHECK(lines_of({"--model", "DI", "--group", "eval"}).size() == 22);
  CHECK_THAT(lines_of({"--model", "DI", "--group", "weights"})[0], Contains("W2[3][1],") && Contains("b1[0]"));
  const auto trace = lines_of({"--model", "DI", "--trial", "7"});
  CHECK(trace.size() == 102);
  CHECK_THAT(trace[0], Catch::StartsWith("time (time),u_3[0],") && Contains("delta_1[3]"));
}

TEST_CASE("export: a level-5 variable of 2 GB is refused, a dataset that is merely declared large is not read") {
  const TemporaryFolder folder;
  const std::string path = folder / "large.h5";
  {
    RunFile file = RunFile::create(path, {}, {{"config", std::string()}});
    // 4 MB of values: of a smaller file gigabytes would not be believed
    const GroupSpec values{.path = "/models/A/more",
                           .row_dimension = "value",
                           .datasets = {{.name = "value", .type = ValueType::integer}, {.name = "x"}}};
    Rows many(values);
    many.values = {std::vector<double>(250'000, 1.0), std::vector<double>(250'000, 0.5)};
    many.count = 250'000;
    file.append(file.add_group(values), many);
    GroupSpec spec{.path = "/models/A/trace",
                   .row_dimension = "record",
                   .axes = {{.name = "time", .values = std::vector<double>(1000, 0.0)},
                            {.name = "unit_1", .values = std::vector<double>(1000, 0.0)}},
                   .datasets = {{.name = "record", .type = ValueType::integer},
                                {.name = "trial", .type = ValueType::integer},
                                {.name = "delta_1", .axes = {"time", "unit_1"}}}};
    const auto group = file.add_group(spec);
    Rows rows(spec);
    for (int i = 0; i < 300; ++i) {
      rows.values[0].push_back(i);
      rows.values[1].push_back(i);
      ++rows.count;
    }
    file.append(group, rows);  // 2.4 GB of fill value, of which nothing is written
    file.finish("complete");
  }
  const Outcome whole = dynvert_run({"export", path, "-o", folder / "large.mat"});
  CHECK(whole.code == 4);
  CHECK_THAT(whole.err, Contains("2 GB") && Contains("--trial"));
  CHECK_FALSE(std::filesystem::exists(folder / "large.mat"));
  CHECK(dynvert_run({"export", path, "-o", folder / "large.mat", "--model", "A", "--trial", "7"}).code == 0);
  const Outcome inspected = dynvert_run({"inspect", path, "--model", "A"});
  CHECK(inspected.code == 0);
  CHECK_THAT(inspected.out, Contains("A: circuit") && Contains("not computed"));
}
