// What a run's file holds: what was appended comes back, and what the format does not allow is refused.

#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"

#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>

using namespace dynvert;
using test::column_group;
using test::integer;
using test::TemporaryFolder;
using test::text;
namespace fs = std::filesystem;

TEST_CASE("a run reads back as it was written") {
  const TemporaryFolder folder;
  const int compression = GENERATE(0, 4);
  test::write_sample(folder / "run.h5", {false, compression});
  CHECK(folder.files() == 1);

  const RunReader reader(folder / "run.h5");
  CHECK(reader.models() == std::vector<std::string>{"DI_2", "BP"});
  CHECK(reader.children("/") == std::vector<std::string>{"models", "task"});
  CHECK(reader.children("/models/DI_2") == std::vector<std::string>{"learning", "eval", "weights", "trace"});
  CHECK(text(reader, "/", "Conventions") == "dynvert-1");
  CHECK(text(reader, "/", "title") == "a sample: Übung");
  CHECK(text(reader, "/", "note").empty());
  CHECK(text(reader, "/", "status") == "complete");
  CHECK(integer(reader, "/", "complete") == 1);
  CHECK(integer(reader, "/", "trials_committed") == 40);
  CHECK(integer(reader, "/", "seed") == 7);
  CHECK(std::get<double>(reader.attribute("/models/DI_2", "alpha").value()) == 0.001);
  CHECK(text(reader, "/models/DI_2/trace", "note") == "τ is the unit of time");
  CHECK(text(reader, "/models/DI_2/learning/converged_2", "legend") == "0 no, 1 yes");
  CHECK_FALSE(reader.attribute("/models/DI_2/learning/steps_2", "legend").has_value());
  CHECK_FALSE(reader.attribute("/nowhere", "x").has_value());
  CHECK(reader.attributes("/models/DI_2").size() == 2);

  CHECK(reader.has("/task/x"));
  CHECK_FALSE(reader.has("/task/x/y"));
  CHECK_FALSE(reader.has("/task/y"));
  CHECK_FALSE(reader.has("task"));
  const auto trial = reader.column("/models/DI_2/learning/trial");
  REQUIRE(trial.size() == 40);
  CHECK(trial[39] == 39);
  const auto nse = reader.column("/models/DI_2/eval/nse");
  CHECK(nse[0] == 1);
  CHECK(nse[19] == 0.05);
  CHECK(reader.shape("/models/DI_2/weights/W1") == std::vector<std::size_t>{2, 4, 6});
  const auto last = reader.rows("/models/DI_2/weights/W1", 1, 1);
  CHECK(last.shape == std::vector<std::size_t>{1, 4, 6});
  CHECK(last.values[0] == 20);
  CHECK(last.values[23] == 43);
  const auto delta = reader.rows("/models/DI_2/trace/delta_1", 0, 4);
  CHECK(delta.values[1] == std::cos(1.0));
  CHECK(std::isnan(delta.values[19]));
  CHECK(reader.column("/models/DI_2/trace/time")[1] == 0.5);

  CHECK_THROWS_AS(reader.column("/task/x"), IoError);
  CHECK_THROWS_AS(reader.column("/task"), IoError);
  CHECK_THROWS_AS(reader.column("/task/y"), IoError);
  CHECK_THROWS_AS(reader.rows("/task/x", 2, 2), ValueError);
  CHECK_THROWS_AS(reader.children("/task/x"), IoError);
  CHECK_THROWS_AS(reader.attributes("/task/y"), IoError);
}

TEST_CASE("rows come back whatever the batches in which they were appended") {
  const TemporaryFolder folder;
  int run = 0;
  CHECK(rc::check("append, read back", [&] {
    const std::string path = folder / (std::to_string(run++) + ".h5");
    const auto batches = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 30));
    const auto unit_count = *rc::gen::inRange<std::size_t>(1, 3000);
    const auto compression = *rc::gen::inRange(0, 2);
    GroupSpec spec = column_group("/deep/down/g");
    spec.axes = {{"unit", std::vector<double>(unit_count, 1.0), true, "1", ""}};
    spec.datasets[1].axes = {"unit"};
    std::vector<double> written;
    {
      RunFile file = RunFile::create(path, {false, compression}, {});
      const auto group = file.add_group(spec);
      double next = 0;
      for (const std::size_t batch : batches) {
        Rows rows(spec);
        rows.count = batch;
        for (std::size_t i = 0; i < batch; ++i) rows.values[0].push_back(static_cast<double>(i));
        for (std::size_t i = 0; i < batch * unit_count; ++i) rows.values[1].push_back(next += 0.5);
        written.insert(written.end(), rows.values[1].begin(), rows.values[1].end());
        file.append(group, rows);
        if (batch % 3 == 0) file.commit(1);
      }
      RC_ASSERT(file.rows(group) * unit_count == written.size());
      file.finish("complete");
    }
    const RunReader reader(path);
    RC_ASSERT(reader.rows("/deep/down/g/value", 0, written.size() / unit_count).values == written);
    fs::remove(path);
  }));
}

TEST_CASE("rows that were left out keep the fill value") {
  const TemporaryFolder folder;
  GroupSpec spec = column_group();
  spec.datasets.push_back({"flag", ValueType::integer, {}, "1", "", "0 no, 1 yes"});
  {
    RunFile file = RunFile::create(folder / "a.h5", {}, {});
    const auto group = file.add_group(spec);
    Rows rows(spec);
    rows.count = 2;
    rows.values[0] = {0, 1};
    file.append(group, rows);
    CHECK(rows.count == 2);
    rows.clear();
    file.append(group, rows);
    CHECK(file.rows(group) == 2);
    file.finish("diverged");
    CHECK_THROWS_AS(file.commit(1), ValueError);
  }
  const RunReader reader(folder / "a.h5");
  CHECK(std::isnan(reader.column("/g/value").at(1)));
  CHECK(reader.column("/g/flag").at(1) == -1);
  CHECK(text(reader, "/", "status") == "diverged");
  CHECK(integer(reader, "/", "complete") == 0);
}

TEST_CASE("rows that are chunks of their own come back, left out, cut off, after a reopening") {
  const TemporaryFolder folder;
  constexpr std::size_t units = 9000;  // 72 kB
  GroupSpec spec = column_group();
  spec.axes = {{"unit", std::vector<double>(units, 1.0), true, "1", ""}};
  spec.datasets[1].axes = {"unit"};
  const auto append = [&](RunFile& file, RunFile::Group group, std::vector<double> of_rows) {
    Rows rows(spec);
    for (const double value : of_rows) {
      rows.values[0].push_back(static_cast<double>(rows.count++));
      if (!std::isnan(value)) rows.values[1].insert(rows.values[1].end(), units, value);
    }
    file.append(group, rows);
  };
  const double nothing = std::nan("");
  {
    RunFile file = RunFile::create(folder / "a.h5", {}, {});
    const auto group = file.add_group(spec);
    append(file, group, {1, 2, 3});
    append(file, group, {nothing});
    append(file, group, {5});
    file.commit(1);
    append(file, group, {6, 7});
  }
  {
    RunFile file = RunFile::reopen(folder / "a.h5", {});
    const auto group = file.add_group(spec);
    CHECK(file.rows(group) == 5);
    file.truncate(group, 2);
    append(file, group, {8});
    append(file, group, {nothing});
    append(file, group, {10});
    file.finish("complete");
  }
  const RunReader reader(folder / "a.h5");
  const std::vector<double> expected{1, 2, 8, nothing, 10};
  const auto values = reader.rows("/g/value", 0, expected.size()).values;
  REQUIRE(values.size() == expected.size() * units);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = expected[i / units];
    if (std::isnan(value) ? !std::isnan(values[i]) : values[i] != value) FAIL("row " << i / units << ": " << values[i]);
  }
}

TEST_CASE("chunks have 64 KiB to 1 MiB, and small data take little room") {
  const TemporaryFolder folder;
  const auto size_of = [&](std::size_t a, std::size_t b, std::size_t rows_now, std::optional<std::size_t> expected) {
    const std::string path = folder / "c.h5";
    fs::remove(path);
    GroupSpec spec = column_group();
    spec.axes = {{"p", std::vector<double>(a, 0.0), true, "1", ""}, {"q", std::vector<double>(b, 0.0), true, "1", ""}};
    spec.datasets[1].axes = {"p", "q"};
    RunFile file = RunFile::create(path, {}, {});
    const auto group = file.add_group(spec, expected);
    Rows rows(spec);
    rows.count = rows_now;
    rows.values[0].assign(rows_now, 0);
    rows.values[1].assign(rows_now * a * b, 1);
    file.append(group, rows);
    file.finish("complete");
    const hid_t f = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), d = H5Dopen2(f, "/g/value", H5P_DEFAULT);
    const hid_t list = H5Dget_create_plist(d);
    hsize_t chunk[3] = {};
    CHECK(H5Pget_chunk(list, 3, chunk) == 3);
    H5Pclose(list);
    H5Dclose(d);
    H5Fclose(f);
    return chunk[0] * chunk[1] * chunk[2] * 8;
  };
  for (const auto& [a, b] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {7, 3}, {100, 82}, {1, 131072}, {1000, 1000}, {3, 200000}}) {
    const auto bytes = size_of(a, b, 1, std::nullopt);
    CAPTURE(a, b, bytes);
    CHECK(bytes >= 65536);
    CHECK(bytes <= 1048576);
  }
  CHECK(size_of(1, 1, 10, 10) == 80);
}

TEST_CASE("bad specifications and rows are refused before anything is written") {
  const TemporaryFolder folder;
  RunFile file = RunFile::create(folder / "a.h5", {}, {});
  GroupSpec spec = column_group();
  SECTION("names") {
    for (const std::string name : {"", "1a", "a b", "a/b", "a-b", "ä", ".."}) {
      spec.datasets[1].name = name;
      CHECK_THROWS_AS(file.add_group(spec), ValueError);
    }
    spec = column_group("/models/my model");
    CHECK_THROWS_AS(file.add_group(spec), ValueError);
    for (const std::string path : {"", "g", "/g/", "//g"})
      CHECK_THROWS_AS(file.add_group(column_group(path)), ValueError);
    CHECK_THROWS_AS(file.set_attribute("/", "a b", 1.0), ValueError);
    CHECK_THROWS_AS(file.set_attribute("/none", "a", 1.0), ValueError);
  }
  SECTION("a dataset twice, an unknown axis, an empty axis, no row dimension") {
    spec.datasets[1].name = "trial";
    CHECK_THROWS_AS(file.add_group(spec), ValueError);
    spec = column_group();
    spec.datasets[1].axes = {"unit"};
    CHECK_THROWS_AS(file.add_group(spec), ValueError);
    spec.axes = {{"unit", {}, true, "1", ""}};
    CHECK_THROWS_AS(file.add_group(spec), ValueError);
    spec = column_group();
    spec.row_dimension = "record";
    CHECK_THROWS_AS(file.add_group(spec), ValueError);
    file.finish("complete");
    CHECK_FALSE(RunReader(folder / "a.h5").has("/g"));
    return;
  }
  SECTION("rows") {
    const auto group = file.add_group(spec);
    CHECK_THROWS_AS(file.add_group(spec), ValueError);
    Rows rows(spec);
    rows.count = 2;
    rows.values = {{0, 1}, {1}};
    CHECK_THROWS_AS(file.append(group, rows), ValueError);
    rows.values = {{}, {1, 2}};
    CHECK_THROWS_AS(file.append(group, rows), ValueError);
    for (const double wrong : {0.5, std::nan(""), 1e300, -HUGE_VAL}) {
      rows.values = {{0, wrong}, {1, 2}};
      CHECK_THROWS_AS(file.append(group, rows), ValueError);
    }
    rows.values = {{0, 1}};
    CHECK_THROWS_AS(file.append(group, rows), ValueError);
    CHECK(file.rows(group) == 0);
    CHECK_THROWS_AS(file.read_back("/g/value", 0, 1), ValueError);
    CHECK_THROWS_AS(file.read_back("/g/other", 0, 0), ValueError);
    CHECK_THROWS_AS(file.rewrite("/g/value", 0, std::vector<double>{1}), ValueError);
  }
  SECTION("write_once") {
    const Axis axis{"sample", {0, 1}, true, "1", ""};
    CHECK_THROWS_AS(file.write_once("/task", {axis}, {"x", ValueType::real, {}, "1", "", ""}, std::vector<double>(3)),
                    ValueError);
    CHECK_THROWS_AS(file.write_once("/task", {}, {"x", ValueType::real, {}, "1", "", ""}, std::vector<double>(1)),
                    ValueError);
    file.write_once("/task", {axis}, {"x", ValueType::real, {}, "1", "", ""}, std::vector<double>(2));
    CHECK_THROWS_AS(file.write_once("/task", {axis}, {"x", ValueType::real, {}, "1", "", ""}, std::vector<double>(2)),
                    ValueError);
    const Axis longer{"sample", {0, 1, 2}, true, "1", ""};
    CHECK_THROWS_AS(file.write_once("/task", {longer}, {"y", ValueType::real, {}, "1", "", ""}, std::vector<double>(3)),
                    ValueError);
  }
  CHECK_THROWS_AS(file.finish("done"), ValueError);
}

TEST_CASE("text that is not UTF-8 is made so") {
  const TemporaryFolder folder;
  {
    RunFile file = RunFile::create(folder / "a.h5", {}, {});
    file.set_attribute("/", "command",
                       std::string("a\xFF"
                                   "b\0c\xC3",
                                   6));
    file.set_attribute("/", "value", std::int64_t{1});
    file.set_attribute("/", "value", 2.5);
    file.finish("complete");
  }
  const RunReader reader(folder / "a.h5");
  CHECK(text(reader, "/", "command") == "a\uFFFDb\uFFFDc\uFFFD");
  CHECK(std::get<double>(reader.attribute("/", "value").value()) == 2.5);
}

TEST_CASE("sample for the readers in Python and Octave", "[.][sample]") {
  const char* path = std::getenv("DYNVERT_SAMPLE");
  REQUIRE(path != nullptr);
  const char* compression = std::getenv("DYNVERT_SAMPLE_COMPRESSION");
  fs::remove(path);
  test::write_sample(path, {false, compression == nullptr ? 0 : std::atoi(compression)});
}
