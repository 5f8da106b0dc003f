#include "support/killed.hpp"
#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/platform/transactional_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace dynvert;
using test::contents;
using test::killed_at;
using test::TemporaryFolder;
using test::write_text;
namespace fs = std::filesystem;

namespace {

int open_file(const std::string& path) { return ::open(path.c_str(), O_RDWR | O_CLOEXEC); }

std::int64_t committed_trials(const RunReader& reader) {
  return std::get<std::int64_t>(reader.attribute("/", "trials_committed").value());
}

}  // namespace

TEST_CASE("a commit that is killed at any system call leaves the old file, or can be finished", "[every-call]") {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  const bool durable = GENERATE(false, true);
  std::string old(3 * page_size + 123, 'o');
  std::string now = old;
  now[7] = 'n';
  now[2 * page_size] = 'n';
  now[3 * page_size + 122] = 'n';
  now += std::string(5 * page_size, 'e');
  int finished = 0, kept = 0;
  for (int stop = 0;; ++stop) {
    write_text(path, old);
    const bool killed = killed_at(stop, [&] {
      TransactionalFile file(open_file(path), durable);
      for (const std::size_t at : {std::size_t{7}, 2 * page_size}) file.write(at, &now[at], 1);
      file.write(old.size() - 1, &now[old.size() - 1], now.size() - old.size() + 1);
      file.commit();
      file.close();
    });
    const FileDescriptor descriptor(open_file(path));
    const bool pending = has_journal(descriptor.value());
    REQUIRE(finish_journal(descriptor.value()) == 0);
    CHECK_FALSE(has_journal(descriptor.value()));
    const std::string found = contents(path);
    CAPTURE(stop, pending, found.size());
    if (pending || !killed) {
      REQUIRE(found == now);
      ++finished;
    } else if (found != now) {
      REQUIRE(found.substr(0, old.size()) == old);
      ++kept;
    }
    if (!killed) break;
  }
  CHECK(finished > 5);
  CHECK(kept > 5);
}

TEST_CASE("what is no whole journal is none") {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  const std::string old(2 * page_size, 'o');
  write_text(path, old);
  const Pages pages{{0, std::vector<char>(page_size, 'n')}, {1, std::vector<char>(page_size, 'm')}};
  {
    const FileDescriptor descriptor(open_file(path));
    REQUIRE(write_journal(descriptor.value(), old.size(), pages, old.size()) == 0);
    REQUIRE(has_journal(descriptor.value()));
  }
  const std::string whole = contents(path);
  CHECK(whole.size() == old.size() + journal_size(2));
  const auto is_refused = [&](const std::string& bytes) {
    write_text(path, bytes);
    const FileDescriptor descriptor(open_file(path));
    return !has_journal(descriptor.value()) && finish_journal(descriptor.value()) == 0 && contents(path) == bytes;
  };
  CHECK(is_refused(""));
  CHECK(is_refused(whole.substr(0, whole.size() - 1)));
  CHECK(is_refused(whole + "x"));
  CHECK(is_refused(whole.substr(whole.size() - 32)));  // the trailer alone
  // every byte counts, in the pages (some) and in the rest (all)
  for (std::size_t at = old.size(); at < whole.size(); at += at < old.size() + 2 * page_size ? 97 : 1) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    CAPTURE(at);
    CHECK(is_refused(changed));
  }
  write_text(path, whole);
  const FileDescriptor descriptor(open_file(path));
  CHECK(finish_journal(descriptor.value()) == 0);
  CHECK(contents(path) == std::string(page_size, 'n') + std::string(page_size, 'm'));
}

TEST_CASE("a run that is killed at any system call is right up to its last commit, and can be gone on with",
          "[every-call]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5", base = folder / "base.h5";
  const int compression = GENERATE(0, 1);
  constexpr std::size_t before = 10, after = 60;
  {
    test::SampleRun run = test::create_sample(base, {false, compression});
    for (std::size_t trial = 0; trial < before; ++trial) test::append_trial(run, trial);
    run.file.commit(before);
  }
  int mended = 0, old = 0;
  for (int stop = 0;; ++stop) {
    fs::copy_file(base, path, fs::copy_options::overwrite_existing);
    const bool killed = killed_at(stop, [&] {
      test::SampleRun run = test::add_sample_groups(RunFile::reopen(path, {false, compression}));
      for (std::size_t trial = before; trial < after; ++trial) test::append_trial(run, trial);
      run.file.commit(after);
      run.file.finish("complete");
    });
    CAPTURE(compression, stop);
    // Others may open the file as it is, or are told what to do.
    std::string refusal;
    try {
      const RunReader reader(path);
      CHECK((committed_trials(reader) == before || committed_trials(reader) == after));
    } catch (const IoError& error) {
      refusal = error.what();
      CHECK_THAT(refusal, Catch::Contains("dynvert recover"));
    }
    std::int64_t trials = 0;
    if (!refusal.empty() && mended % 2 == 0) {
      std::ostringstream out, err;
      REQUIRE(recover({path}, out, err) == exit_done);
      CHECK_THAT(out.str(),
                 Catch::Contains("was interrupted and has been completed") && Catch::Contains("all data readable"));
      CHECK(err.str().empty());
      trials = after;
      ++mended;
    } else {
      const RunFile file = RunFile::reopen(path, {});
      trials = file.committed();
      CHECK(file.mended() == !refusal.empty());
      mended += file.mended() ? 1 : 0;
      old += trials == before ? 1 : 0;
    }
    REQUIRE((trials == before || trials == after));
    const RunReader reader(path);
    CHECK(committed_trials(reader) == trials);
    const auto errors = reader.column("/models/DI_2/learning/trial_error");
    REQUIRE(errors.size() == static_cast<std::size_t>(trials));
    for (std::size_t k = 0; k < errors.size(); ++k) REQUIRE(errors[k] == 1 / (1 + static_cast<double>(k)));
    CHECK(reader.shape("/models/DI_2/trace/delta_1")[0] == (errors.size() + 9) / 10);
    if (!killed) break;
  }
  CHECK(mended > 5);
  CHECK(old > 5);
}

TEST_CASE("recover drops what came after the last commit") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  std::ostringstream out, err;
  {
    test::SampleRun run = test::create_sample(path);
    const GroupSpec spec{"/large",
                         "trial",
                         {},
                         {{"trial", ValueType::integer, {}, "1", "", ""}, {"value", ValueType::real, {}, "1", "", ""}},
                         {}};
    const auto large = run.file.add_group(spec);
    Rows rows(spec);
    rows.count = 3'000'000;
    for (auto& column : rows.values) column.assign(rows.count, 1);
    run.file.append(large, rows);
    for (std::size_t trial = 0; trial < 10; ++trial) test::append_trial(run, trial);
    run.file.commit(10);
    for (std::size_t trial = 10; trial < 20; ++trial) test::append_trial(run, trial);
    // more changes than may wait in memory: they go to the file, and the new lengths of the tables with them
    run.file.rewrite("/large/value", 0, std::vector<double>(rows.count, 2));
    CHECK_THROWS_AS(recover({path}, out, err), IoError);  // in use
  }
  REQUIRE(RunReader(path).shape("/models/DI_2/learning/trial")[0] > 10);
  CHECK(recover({path}, out, err) == exit_done);
  CHECK_THAT(out.str(),
             Catch::Contains("rows after the last commit were removed") && Catch::Contains("10 trials kept"));
  {
    const RunReader reader(path);
    for (const std::string& name : reader.children("/models/DI_2/learning"))
      CHECK(reader.shape("/models/DI_2/learning/" + name)[0] == 10);
  }
  out.str("");
  CHECK(recover({path}, out, err) == exit_done);
  CHECK_THAT(out.str(), Catch::Contains("nothing to repair"));
}

TEST_CASE("a reopened run goes on as if it had never been closed") {
  const TemporaryFolder folder;
  const int compression = GENERATE(0, 1);
  const std::string whole = folder / "whole.h5", parts = folder / "parts.h5";
  test::write_sample(whole, {false, compression});
  {
    test::SampleRun run = test::create_sample(parts, {false, compression});
    for (std::size_t trial = 0; trial < 23; ++trial) {
      test::append_trial(run, trial);
      if (trial == 16) run.file.commit(17);
    }
  }
  for (const std::size_t end : {std::size_t{18}, test::sample_trials}) {
    test::SampleRun run = test::add_sample_groups(RunFile::reopen(parts, {false, compression}));
    const auto first = static_cast<std::size_t>(run.file.committed());
    CHECK(run.file.rows(run.learning) == first);
    CHECK(run.file.rows(run.trace) == (first + 9) / 10);
    for (std::size_t trial = first; trial < end; ++trial) test::append_trial(run, trial);
    run.file.commit(static_cast<std::int64_t>(end));
    for (std::size_t trial = end; trial < end + 5; ++trial) test::append_trial(run, trial);  // lost
  }
  const RunReader a(whole), b(parts);
  CHECK(committed_trials(b) == 40);
  for (const std::string group : {"learning", "eval", "weights", "trace"}) {
    for (const std::string& name : a.children("/models/DI_2/" + group)) {
      const std::string dataset = fmt::format("/models/DI_2/{}/{}", group, name);
      if (name == "nse") continue;  // comes at the end
      CAPTURE(dataset);
      REQUIRE(a.shape(dataset) == b.shape(dataset));
      const auto x = a.rows(dataset, 0, a.shape(dataset)[0]).values, y = b.rows(dataset, 0, a.shape(dataset)[0]).values;
      CHECK(std::ranges::equal(x, y, [](double p, double q) { return p == q || (std::isnan(p) && std::isnan(q)); }));
    }
  }
}

TEST_CASE("of a state the last commit's row comes back") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  // the small one shares its pages with others, the large one does not
  const std::size_t units = GENERATE(std::size_t{3}, std::size_t{10000});
  const GroupSpec spec{"/models/DI/state",
                       "slot",
                       {{"unit", std::vector<double>(units, 1.0), true, "1", ""}},
                       {{"slot", ValueType::integer, {}, "1", "", ""},
                        {"trials", ValueType::integer, {}, "1", "", ""},
                        {"W", ValueType::real, {"unit"}, "1", "", ""}},
                       {}};
  const auto put = [&](RunFile& file, RunFile::Group group, double value) {
    Rows row(spec);
    row.count = 1;
    row.values[1] = {value};
    row.values[2].assign(units, value);
    file.put_state(group, row);
  };
  const auto expect = [&](RunFile& file, RunFile::Group group, double value) {
    const auto row = file.state(group);
    REQUIRE(row.has_value());
    CHECK(row->values[1] == std::vector<double>{value});
    CHECK(row->values[2] == std::vector<double>(units, value));
  };
  {
    RunFile file = RunFile::create(path, {}, {});
    const auto group = file.add_state(spec);
    CHECK_FALSE(file.state(group).has_value());
    put(file, group, 1);
    CHECK_FALSE(file.state(group).has_value());
  }
  {
    RunFile file = RunFile::reopen(path, {});
    const auto group = file.add_state(spec);
    CHECK_FALSE(file.state(group).has_value());
    put(file, group, 1);
    file.commit(1);
    expect(file, group, 1);
    put(file, group, 2);
    expect(file, group, 1);
  }
  for (double trials = 2; trials < 6; ++trials) {
    RunFile file = RunFile::reopen(path, {});
    const auto group = file.add_state(spec);
    expect(file, group, trials - 1);
    put(file, group, -1);
    put(file, group, trials);
    file.commit(static_cast<std::int64_t>(trials));
    put(file, group, -2);
  }
  RunFile file = RunFile::reopen(path, {});
  const auto group = file.add_state(spec);
  Rows wrong(spec);
  wrong.count = 1;
  CHECK_THROWS_AS(file.put_state(group, wrong), ValueError);
  expect(file, group, 5);
  file.drop_state(group);
  file.finish("complete");
  CHECK_FALSE(RunReader(path).has("/models/DI/state"));
}

TEST_CASE("what cannot be gone on with is refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  CHECK_THROWS_WITH(RunFile::reopen(path, {}), Catch::Contains("No such file"));
  write_text(path, "text");
  CHECK_THROWS_WITH(RunFile::reopen(path, {}), Catch::Contains("not an HDF5 file"));
  fs::remove(path);
  H5Fclose(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const std::string before = contents(path);
  CHECK_THROWS_WITH(RunFile::reopen(path, {}), Catch::Contains("not a file of the format"));
  CHECK(contents(path) == before);
  fs::remove(path);
  {
    test::SampleRun run = test::create_sample(path);
    CHECK_THROWS_WITH(RunFile::reopen(path, {}), Catch::Contains("in use by another process"));
    run.file.commit(0);
  }
  RunFile file = RunFile::reopen(path, {});
  GroupSpec spec{"/models/DI_2/learning", "trial", {}, {{"trial", ValueType::integer, {}, "1", "", ""}}, {}};
  spec.datasets.push_back({"steps_2", ValueType::real, {}, "1", "", ""});
  CHECK_THROWS_WITH(file.add_group(spec), Catch::Contains("not laid out"));
  spec.datasets.back().name = "other";
  CHECK_THROWS_WITH(file.add_group(spec), Catch::Contains("is not in the file"));
}
