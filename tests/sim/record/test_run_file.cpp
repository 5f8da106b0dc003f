#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"

#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace dynvert;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string text(const RunReader& reader, const std::string& object, const std::string& name) {
  return std::get<std::string>(reader.attribute(object, name).value());
}

std::int64_t integer(const RunReader& reader, const std::string& object, const std::string& name) {
  return std::get<std::int64_t>(reader.attribute(object, name).value());
}

std::string content(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

void write_text(const std::string& path, const std::string& what) { std::ofstream(path, std::ios::binary) << what; }

std::size_t files_in(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

GroupSpec column_group(const std::string& path = "/g") {
  return {path,
          "trial",
          {},
          {{"trial", ValueType::integer, {}, "1", "", ""}, {"value", ValueType::real, {}, "1", "", ""}},
          {}};
}

}  // namespace

TEST_CASE("a run reads back as it was written") {
  const TemporaryFolder folder;
  const int compression = GENERATE(0, 4);
  test::write_sample(folder / "run.h5", {false, compression});
  CHECK(files_in(folder) == 1);

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

TEST_CASE("an existing file is replaced only when asked, and only by a file that stands") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("anything that exists is refused when overwriting was not asked") {
    write_text(path, "precious");
    CHECK_THROWS_WITH(RunFile::create(path, {}, {}), Catch::Contains("exists already"));
    CHECK(content(path) == "precious");
    fs::remove(path);
    fs::create_symlink("nowhere", path);
    CHECK_THROWS_WITH(RunFile::create(path, {}, {}), Catch::Contains("exists already"));
  }
  SECTION("what is no dynvert file is refused even then") {
    write_text(path, "precious");
    CHECK_THROWS_WITH(RunFile::create(path, {true, 0}, {}), Catch::Contains("not a readable dynvert file"));
    CHECK(content(path) == "precious");
    fs::remove(path);
    H5Fclose(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const std::string before = content(path);
    CHECK_THROWS_WITH(RunFile::create(path, {true, 0}, {}), Catch::Contains("not a file of the format"));
    CHECK(content(path) == before);
    CHECK_THROWS_WITH(RunFile::create("/dev/null", {true, 0}, {}), Catch::Contains("not a regular file"));
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK_THROWS_WITH(RunFile::create(folder / "pipe", {true, 0}, {}), Catch::Contains("not a regular file"));
  }
  SECTION("a finished file is replaced, also behind a link, and readers keep the old one") {
    test::write_sample(path);
    fs::create_symlink("run.h5", folder / "link.h5");
    const RunReader reader(path);
    {
      RunFile file = RunFile::create(folder / "link.h5", {true, 0}, {});
      file.finish("complete");
    }
    CHECK(fs::is_symlink(folder / "link.h5"));
    CHECK(reader.column("/models/DI_2/learning/trial").size() == 40);
    CHECK_FALSE(RunReader(path).has("/models"));
    CHECK(files_in(folder) == 2);
  }
  SECTION("a file that is being written is refused, to readers too") {
    test::SampleRun run = test::create_sample(path);
    CHECK_THROWS_WITH(RunFile::create(path, {true, 0}, {}), Catch::Contains("being written by another process"));
    CHECK_THROWS_WITH(RunReader(path), Catch::Contains("being written by another process"));
    run.file.finish("complete");
    CHECK_NOTHROW(RunReader(path));
  }
  SECTION("bad attributes leave the old file and no other") {
    test::write_sample(path);
    const std::string before = content(path);
    CHECK_THROWS_AS(RunFile::create(path, {true, 0}, {{"a b", 1.0}}), ValueError);
    CHECK(content(path) == before);
    CHECK(files_in(folder) == 1);
  }
  SECTION("folders") {
    CHECK_THROWS_WITH(RunFile::create(folder / "none/run.h5", {}, {}), Catch::Contains("create the folder first"));
    CHECK_THROWS_WITH(RunFile::create(folder.path().string(), {true, 0}, {}), Catch::Contains("is a folder"));
    CHECK_THROWS_AS(RunFile::create("", {}, {}), ValueError);
    write_text(path, "");
    CHECK_THROWS_AS(RunFile::create(path + "/run.h5", {}, {}), IoError);
    CHECK_THROWS_AS(RunFile::create(folder / std::string(300, 'a'), {}, {}), IoError);
    CHECK_THROWS_AS(RunFile::create("/proc/run.h5", {}, {}), IoError);
  }
}

TEST_CASE("between commits the file stays as the last commit left it") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5", copy = folder / "copy.h5";
  // Compressed chunks move as they fill, and others take the room that they leave.
  const int compression = GENERATE(0, 1);
  test::SampleRun run = test::create_sample(path, {false, compression});
  for (std::size_t trial = 0; trial < 10; ++trial) test::append_trial(run, trial);
  run.file.commit(10);
  GroupSpec spec = column_group("/late");
  for (std::size_t trial = 10; trial < 400; ++trial) {
    test::append_trial(run, trial);
    if (trial == 200) {
      const auto group = run.file.add_group(spec);
      Rows rows(spec);
      rows.count = 100000;  // many chunks
      rows.values[0].assign(rows.count, 0);
      rows.values[1].assign(rows.count, 1);
      run.file.append(group, rows);
    }
    if (trial % 57 != 0) continue;
    // What another process would find if this one died now.
    fs::copy_file(path, copy, fs::copy_options::overwrite_existing);
    const RunReader reader(copy);
    CHECK(integer(reader, "/", "trials_committed") == 10);
    CHECK(integer(reader, "/", "complete") == 0);
    CHECK(text(reader, "/", "status") == "interrupted");
    CHECK(reader.column("/models/DI_2/learning/trial").size() == 10);
    CHECK(reader.column("/models/DI_2/learning/trial_error").at(9) == 0.1);
    CHECK_FALSE(reader.has("/late"));
  }
  run.file.commit(400);
  fs::copy_file(path, copy, fs::copy_options::overwrite_existing);
  CHECK(RunReader(copy).column("/late/value").size() == 100000);
}

TEST_CASE("a run that is dropped without finish is readable and not complete") {
  const TemporaryFolder folder;
  {
    test::SampleRun run = test::create_sample(folder / "run.h5");
    for (std::size_t trial = 0; trial < 25; ++trial) {
      test::append_trial(run, trial);
      if (trial == 9) run.file.commit(10);
    }
  }
  const RunReader reader(folder / "run.h5");
  CHECK(integer(reader, "/", "complete") == 0);
  CHECK(integer(reader, "/", "trials_committed") == 10);
  CHECK(reader.column("/models/DI_2/learning/trial").size() == 10);
}

namespace {

/// Writes a run under a limit of the file size, in a process of its own as the limit cannot be lifted again there.
/// @return 0 it was finished; 1 an IoError that says so, and the file holds what was committed; else what went wrong
int write_under_limit(const std::string& path, rlim_t limit, int compression) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit sizes{limit, limit};
  if (::setrlimit(RLIMIT_FSIZE, &sizes) != 0) return 10;
  std::int64_t committed = -1;
  try {
    test::SampleRun run = test::create_sample(path, {false, compression});
    committed = 0;
    try {
      for (std::size_t trial = 0; trial < 3000; ++trial) {
        test::append_trial(run, trial);
        if (trial % 100 == 99) {
          run.file.commit(static_cast<std::int64_t>(trial) + 1);
          committed = static_cast<std::int64_t>(trial) + 1;
        }
      }
      run.file.finish("complete");
      return 0;
    } catch (const IoError& error) {
      if (error.fault().find("File too large") == std::string::npos) return 11;
      try {
        run.file.commit(5);
        return 12;
      } catch (const IoError&) {
      }
    }
  } catch (const IoError& error) {
    if (error.fault().find("File too large") == std::string::npos) return 13;
  }
  if (committed < 0) {
    // The header stands before the file appears.
    return !fs::exists(path) || integer(RunReader(path), "/", "trials_committed") == 0 ? 1 : 14;
  }
  const RunReader reader(path);
  if (integer(reader, "/", "trials_committed") != committed) return 15;
  if (integer(reader, "/", "complete") != 0) return 16;
  if (committed == 0) return 1;
  const auto errors = reader.column("/models/DI_2/learning/trial_error");
  if (static_cast<std::int64_t>(errors.size()) != committed) return 17;
  for (std::size_t k = 0; k < errors.size(); ++k) {
    if (errors[k] != 1 / (1 + static_cast<double>(k))) return 18;
  }
  return 1;
}

}  // namespace

TEST_CASE("a full disk is an error, never a crash, and what was committed stays") {
  const TemporaryFolder folder;
  const int compression = GENERATE(0, 1);
  // Every size from an empty file to more than the run needs is met in steps that do not divide any block.
  int failed = 0, finished = 0;
  for (rlim_t limit = 0; limit < 3'000'000; limit += limit < 60'000 ? 1777 : 97'777) {
    const std::string path = folder / ("run" + std::to_string(limit) + ".h5");
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int result = 99;
      try {
        result = write_under_limit(path, limit, compression);
      } catch (...) {
      }
      std::exit(result);  // HDF5's own cleaning up at the end of a program is part of the test
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CAPTURE(compression, limit, status);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) <= 1);
    (WEXITSTATUS(status) == 0 ? finished : failed) += 1;
    fs::remove(path);
    CHECK(files_in(folder) == 0);
  }
  CHECK(failed > 5);
  CHECK(finished > 5);
}

TEST_CASE("sample for the readers in Python and Octave", "[.][sample]") {
  const char* path = std::getenv("DYNVERT_SAMPLE");
  REQUIRE(path != nullptr);
  const char* compression = std::getenv("DYNVERT_SAMPLE_COMPRESSION");
  fs::remove(path);
  test::write_sample(path, {false, compression == nullptr ? 0 : std::atoi(compression)});
}

TEST_CASE("of several processes that create one file at a time, exactly one does") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const bool overwrite = GENERATE(false, true);
  int go[2];
  REQUIRE(::pipe(go) == 0);
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      char byte = 0;
      ::close(go[1]);
      while (::read(go[0], &byte, 1) > 0) {
      }
      int result = 2;
      try {
        RunFile file = RunFile::create(path, {overwrite, 0}, {{"seed", std::int64_t{i}}});
        file.finish("complete");
        result = 0;
      } catch (const IoError&) {
        result = 1;
      } catch (...) {
      }
      std::_Exit(result);
    }
    children.push_back(child);
  }
  ::close(go[0]);
  ::close(go[1]);
  int created = 0;
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) <= 1);
    created += WEXITSTATUS(status) == 0 ? 1 : 0;
  }
  // With overwriting, one after the other may replace what is finished.
  CHECK(created >= 1);
  if (!overwrite) CHECK(created == 1);
  CHECK(integer(RunReader(path), "/", "complete") == 1);
  CHECK(files_in(folder) == 1);
}
