#include "support/experiment_text.hpp"
#include "support/run_program.hpp"
#include "support/text_files.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/report/report_page.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string config =
    learning_text({.trials = 3000, .rate = 0.001, .experiment = "title = \"</script><b>\\\"&'\"\n"}) +
    R"([record]
trials = [0, 1, 2, 7, 1000]
unsettled_limit = 0
measures = ["residual", "settling_time"]
[dynamics]
duration = 60.0
)" + backprop_text() +
    inversion_text("DI", "alpha = 0.5");

std::string simulate(const TemporaryFolder& folder) {
  const std::string file = folder / "run.h5";
  const Outcome run = dynvert_run({"simulate", write(folder, "run.toml", config), "-o", file, "--quiet"});
  INFO(run.err);
  REQUIRE(run.code == 0);
  return file;
}

const ReportModel& model(const ReportData& data, const std::string& name) {
  return *std::ranges::find(data.models, name, [](const ReportModel& m) { return m.summary.name; });
}

ReportSources sources() {
  return {.page =
              "<title>t</title><style>{{library_style}}{{style}}</style>/*{{library_licence}}*/"
              "<script type=json>{{data}}</script><script>{{library}}{{script}}</script>",
          .style = "STYLE",
          .script = "SCRIPT",
          .library_style = "LIBRARY STYLE",
          .library = "LIBRARY",
          .library_licence = "LICENCE"};
}

Outcome report_run(const ReportArguments& arguments, const ReportSources& with) {
  std::ostringstream out, err;
  try {
    const int code = report(arguments, with, out, err);
    return {code, out.str(), err.str()};
  } catch (const IoError& error) {
    return {exit_io, out.str(), error.what()};
  } catch (const ValueError& error) {
    return {exit_usage, out.str(), error.what()};
  }
}

/// A file of another kind of experiment: models without learning and without configuration.
std::string write_grid(const TemporaryFolder& folder) {
  const std::string path = folder / "grid.h5";
  RunFile file = RunFile::create(path, {}, {{"title", std::string("grid")}});
  const GroupSpec spec{.path = "/models/G/grid",
                       .row_dimension = "trial",
                       .axes = {{.name = "phase", .values = {0, 1}}},
                       .datasets = {{.name = "trial", .type = ValueType::integer},
                                    {.name = "alpha", .description = "leak"},
                                    {.name = "overshoot", .axes = {"phase"}}}};
  const auto group = file.add_group(spec);
  Rows rows(spec);
  rows.count = 3;
  rows.values = {{0, 1, 2}, {0.1, 0.2, 0.3}, {1, 2, 3, 4, 5, 6}};
  file.append(group, rows);
  const GroupSpec trace{
      .path = "/models/G/trace",
      .row_dimension = "record",
      .axes = {{.name = "time", .values = {0, 0.5}, .integer = false}, {.name = "unit_1", .values = {0, 1, 2}}},
      .datasets = {{.name = "record", .type = ValueType::integer},
                   {.name = "trial", .type = ValueType::integer},
                   {.name = "delta_1", .axes = {"time", "unit_1"}}}};
  const auto traces = file.add_group(trace);
  Rows records(trace);
  records.count = 1;
  records.values = {{0}, {2}, {0, 0, 0, 1, 2, 3}};
  file.append(traces, records);
  file.finish("complete");
  return path;
}

}  // namespace

TEST_CASE("a report has the numbers of the file") {
  const TemporaryFolder folder;
  const RunReader file(simulate(folder));
  const ReportData data = read_report(file, {});
  CHECK(data.title == "</script><b>\"&'");
  CHECK(data.complete);
  CHECK(data.notes.empty());
  REQUIRE(data.models.size() == 2);
  CHECK(model(data, "BP").trials.empty());

  const auto loss =
      std::ranges::find_if(data.curves, [](const ReportCurve& c) { return c.model == "DI" && c.name == "train_loss"; });
  REQUIRE(loss != data.curves.end());
  CHECK(loss->against == "evaluation");
  CHECK(loss->x == file.column("/models/DI/eval/evaluation"));
  CHECK(loss->y == file.column("/models/DI/eval/train_loss"));

  const auto& trials = model(data, "DI").trials;
  REQUIRE(trials.size() == 5);
  CHECK(trials[3].trial == 7);
  for (std::size_t record = 0; record < trials.size(); ++record) {
    const auto delta = std::ranges::find(trials[record].populations, "delta_1", &ReportPopulation::name);
    REQUIRE(delta != trials[record].populations.end());
    CHECK(delta->labels == std::vector<std::string>{"0", "1", "2", "3"});
    CHECK(delta->time == file.column("/models/DI/trace/time"));
    const auto values = file.rows("/models/DI/trace/delta_1", record, 1).values;
    for (std::size_t k = 0; k < delta->time.size(); ++k) {
      for (std::size_t i = 0; i < 4; ++i) REQUIRE(delta->values[i * delta->time.size() + k] == values[k * 4 + i]);
    }
    const auto settled =
        std::ranges::find(trials[record].measures, "settling_time_2", &std::pair<std::string, double>::first);
    CHECK(settled->second == file.value("/models/DI/learning/settling_time_2", trials[record].trial));
    REQUIRE(trials[record].loops.size() == 1);
    const ReportLoop& loop = trials[record].loops[0];
    CHECK(loop.residual.size() == loop.time.size());
    REQUIRE(loop.spectrum);
    std::size_t eigenvalues = 0;
    for (const std::size_t n : loop.spectrum->count) eigenvalues += n;
    CHECK(eigenvalues == 7);
    CHECK(loop.spectrum->snapshot == 0);  // the next is of the end
  }
}

TEST_CASE("a small report keeps extremes, and says how much there was") {
  const TemporaryFolder folder;
  const RunReader file(simulate(folder));
  const ReportLimits limits{.bytes = 40'000, .curve_points = 4000, .samples = 2000, .units = 3};
  const ReportData data = read_report(file, limits);
  for (const ReportCurve& curve : data.curves) {
    const auto all = file.column(fmt::format("/models/{}/{}/{}", curve.model, curve.group, curve.name));
    CAPTURE(curve.model, curve.name);
    CHECK(curve.rows == all.size());
    CHECK(curve.x.size() < curve.rows);
    CHECK(std::ranges::max(curve.y) == std::ranges::max(all));
    CHECK(std::ranges::min(curve.y) == std::ranges::min(all));
  }
  const ReportModel& di = model(data, "DI");
  CHECK(di.records == 5);
  REQUIRE(di.trials.size() >= 2);
  CHECK(di.trials.size() < 5);
  CHECK(di.trials.back().trial == 1000);
  const ReportPopulation& delta = di.trials[0].populations[0];
  CHECK(delta.labels.size() <= 3);
  CHECK(delta.units >= 3);
  CHECK(delta.samples == file.shape("/models/DI/trace/time")[0]);
  CHECK(delta.time.size() <= delta.samples);
  // The bytes are those of the columns of numbers; texts come on top.
  CHECK(report_json(data).size() < 2 * limits.bytes);
}

TEST_CASE("evenly spaced numbers") {
  using Numbers = std::vector<std::size_t>;
  CHECK(evenly_spaced(3, 5) == Numbers{0, 1, 2});
  CHECK(evenly_spaced(101, 3) == Numbers{0, 50, 100});
  CHECK(evenly_spaced(9, 1) == Numbers{0});
  CHECK(evenly_spaced(0, 3).empty());
}

TEST_CASE("text of the file cannot leave the JSON of the page") {
  const TemporaryFolder folder;
  ReportData data = read_report(RunReader(simulate(folder)), {});
  data.notes = {"<!-- ", std::string("\xff\0 not UTF-8", 12)};
  const std::string json = report_json(data);
  CHECK(json.find('<') == std::string::npos);
  const auto parsed = nlohmann::json::parse(json);
  CHECK(parsed["title"] == data.title);
  CHECK(parsed["notes"][0] == "<!-- ");
  CHECK(parsed["models"][1]["trials"][0]["populations"][0]["values"]["f4"].is_string());

  const std::string page = report_page(data, sources());
  CHECK_THAT(page, Catch::StartsWith(std::string(report_signature())) && Contains("LIBRARY STYLESTYLE") &&
                       Contains("/*LICENCE*/") && Contains("LIBRARYSCRIPT"));
  std::size_t ends = 0;
  for (auto at = page.find("</script"); at != std::string::npos; at = page.find("</script", at + 1)) ++ends;
  CHECK(ends == 2);

  ReportSources broken = sources();
  broken.page = "{{nothing}}";
  CHECK_THROWS_WITH(report_page(data, broken), Contains("nothing"));
}

TEST_CASE("numbers of the page: float32 and whole numbers as base64, what is beyond float32 as infinite") {
  ReportData data;
  ReportCurve curve;
  curve.x = {0, 1, 4294967295.0};
  curve.y = {1.5, std::nan(""), -1e300};
  data.curves.push_back(curve);
  const auto parsed = nlohmann::json::parse(report_json(data));
  // by hand: little-endian bytes 00000000 01000000 ffffffff; 0000c03f 0000c07f 000080ff
  CHECK(parsed["curves"][0]["x"]["u4"] == "AAAAAAEAAAD/////");
  CHECK(parsed["curves"][0]["y"]["f4"] == "AADAPwAAwH8AAID/");
  data.curves[0].x = {0.5};
  CHECK(nlohmann::json::parse(report_json(data))["curves"][0]["x"]["f4"] == "AAAAPw==");
}

TEST_CASE("a file of another kind gives a page of what is there") {
  const TemporaryFolder folder;
  const RunReader file(write_grid(folder));
  const ReportData data = read_report(file, {});
  REQUIRE(data.curves.size() == 1);  // one-dimensional quantities
  CHECK(data.curves[0].name == "alpha");
  CHECK(data.curves[0].against == "trial");
  CHECK(data.curves[0].y == std::vector<double>{0.1, 0.2, 0.3});
  REQUIRE(data.models.size() == 1);
  REQUIRE(data.models[0].trials.size() == 1);
  CHECK(data.models[0].trials[0].trial == 2);
  CHECK(data.models[0].trials[0].populations[0].values == std::vector<double>{0, 1, 0, 2, 0, 3});
  REQUIRE(data.notes.size() == 1);
  CHECK_THAT(data.notes[0], Contains("no residuals") || Contains("No residuals"));
  CHECK_NOTHROW(nlohmann::json::parse(report_json(data)));
}

TEST_CASE("the command writes a page at once, and nothing that it has not written is replaced") {
  const TemporaryFolder folder;
  const std::string file = simulate(folder);
  const std::string page = folder / "page.html";
  ReportArguments arguments{.path = file, .output = page};
  const Outcome done = report_run(arguments, sources());
  CHECK(done.code == 0);
  CHECK_THAT(done.out, Contains("page.html") && Contains("MB"));
  const std::string before = contents(page);
  CHECK_THAT(before, Catch::StartsWith("<!doctype html>"));

  CHECK(report_run(arguments, sources()).code == exit_io);
  arguments.overwrite = true;
  CHECK(report_run(arguments, sources()).code == 0);
  CHECK(contents(page) == before);

  arguments.output = file;
  const std::string data = contents(file);
  CHECK(report_run(arguments, sources()).code == exit_io);
  CHECK(contents(file) == data);
  arguments.output = folder / "no/page.html";
  CHECK(report_run(arguments, sources()).code == exit_io);
  arguments.output = folder.path().string();
  CHECK(report_run(arguments, sources()).code == exit_io);
  arguments.output = folder / "small.html";
  arguments.max_size = 0.001;
  const Outcome small = report_run(arguments, sources());
  CHECK(small.code == exit_usage);
  CHECK_THAT(small.err, Contains("--max-size"));
  CHECK_FALSE(std::filesystem::exists(arguments.output));
}

TEST_CASE("built without the library, the command says how to get it") {
  ReportSources without = sources();
  without.library = {};
  const Outcome run = report_run({.path = "run.h5", .output = "page.html"}, without);
  CHECK(run.code == exit_io);
  CHECK_THAT(run.err, Contains("uPlot") && Contains("npm") && Contains("cmake"));
}

TEST_CASE("report refuses what is not ours") {
  const TemporaryFolder folder;
  const std::string text = write(folder, "text.h5", "not HDF5");
  for (const std::string& path : {text, folder / "missing.h5"}) {
    CHECK(report_run({.path = path, .output = folder / "page.html"}, sources()).code == exit_io);
  }
  CHECK(dynvert_run({"report"}).code == exit_usage);
  CHECK(dynvert_run({"report", "x.h5", "--max-size", "0"}).code == exit_usage);
}
