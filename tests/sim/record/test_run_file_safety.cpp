// What is in a run's file stays: other files, commits, a run that ends early, a full disk, several processes.

#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

using namespace dynvert;
using test::column_group;
using test::contents;
using test::integer;
using test::TemporaryFolder;
using test::text;
using test::write_text;
namespace fs = std::filesystem;

TEST_CASE("an existing file is replaced only when asked, and only by a file that stands") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("anything that exists is refused when overwriting was not asked") {
    write_text(path, "precious");
    CHECK_THROWS_WITH(RunFile::create(path, {}, {}), Catch::Contains("exists already"));
    CHECK(contents(path) == "precious");
    fs::remove(path);
    fs::create_symlink("nowhere", path);
    CHECK_THROWS_WITH(RunFile::create(path, {}, {}), Catch::Contains("exists already"));
  }
  SECTION("what is no dynvert file is refused even then") {
    write_text(path, "precious");
    CHECK_THROWS_WITH(RunFile::create(path, {true, 0}, {}), Catch::Contains("not a readable dynvert file"));
    CHECK(contents(path) == "precious");
    fs::remove(path);
    H5Fclose(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const std::string before = contents(path);
    CHECK_THROWS_WITH(RunFile::create(path, {true, 0}, {}), Catch::Contains("not a file of the format"));
    CHECK(contents(path) == before);
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
    CHECK(folder.files() == 2);
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
    const std::string before = contents(path);
    CHECK_THROWS_AS(RunFile::create(path, {true, 0}, {{"a b", 1.0}}), ValueError);
    CHECK(contents(path) == before);
    CHECK(folder.files() == 1);
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
    CHECK(folder.files() == 0);
  }
  CHECK(failed > 5);
  CHECK(finished > 5);
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
  CHECK(folder.files() == 1);
}
