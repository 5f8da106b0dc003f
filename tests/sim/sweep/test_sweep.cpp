// Points of a sweep, their names and their index; what is refused before anything runs; runs that end badly.

#include "support/experiment_text.hpp"
#include "support/run_program.hpp"
#include "support/text_files.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/progress.hpp>
#include <dynvert/sim/export/csv.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/process_pool.hpp>
#include <dynvert/sim/sweep/index.hpp>
#include <dynvert/sim/sweep/plan.hpp>

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;
using Values = std::vector<std::string>;

namespace {

const std::string small_config = learning_text() + inversion_text("DI");

std::vector<std::string> names_of(const std::vector<SweepAxis>& axes) {
  std::vector<std::string> names;
  for (const SweepPoint& point : sweep_points(axes)) names.push_back(point.name);
  return names;
}

SweepTable two_by_two() {
  SweepTable table{.axes = {{"model.DI.alpha", {"0.1", "[1, 2]"}}, {seed_key, {"3", "5"}}},
                   .points = {},
                   .seeds = {3, 5, 3, 5},
                   .trials = {20, 20, 20, 20},
                   .results = {{"DI", "train_loss"}, {"DI", "train_accuracy"}, {"BP", "train_loss"}}};
  table.points = sweep_points(table.axes);
  return table;
}

}  // namespace

TEST_CASE("sweep: values of --over are split at commas that belong to none of them") {
  const auto values = [](const std::string& text) { return parse_over("a.b=" + text).values; };
  CHECK(parse_over(" model.DI.alpha = 0.1, 0.2 ") == SweepAxis{"model.DI.alpha", {"0.1", "0.2"}});
  CHECK(values("1") == Values{"1"});
  CHECK(values("[30, 20, 10],[30,40,10]") == Values{"[30, 20, 10]", "[30,40,10]"});
  CHECK(values("[[1, 2], [3, 4]], [[5]]") == Values{"[[1, 2], [3, 4]]", "[[5]]"});
  CHECK(values("{kind = \"random\", gain = 1}, {kind = 'file'}") ==
        Values{"{kind = \"random\", gain = 1}", "{kind = 'file'}"});
  CHECK(values("\"a,b\",'c,d',e") == Values{"\"a,b\"", "'c,d'", "e"});
  CHECK(values(R"("a\",b",c)") == Values{R"("a\",b")", "c"});
  CHECK(values(R"('a\',b)") == Values{R"('a\')", "b"});
  CHECK(values("[\"],\", ']'],x") == Values{"[\"],\", ']']", "x"});
  CHECK(values("it's,a[1") == Values{"it's", "a[1"});  // bare words, as --set takes them
  CHECK(values("a=b,c=d") == Values{"a=b", "c=d"});
  for (const std::string bad : {"", "a.b", "=1", "a.b=", "a.b=1,", "a.b=,1", "a.b=1,,2", "a.b= , ", "a.b=1,1",
                                "a.b=[1,2", "a.b=\"x", "a.b=[\"]"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_over(bad), ValueError);
  }
}

TEST_CASE("sweep: seeds are a range with both ends, or a list") {
  CHECK(parse_seeds("1:4") == SweepAxis{seed_key, {"1", "2", "3", "4"}});
  CHECK(parse_seeds("7:7").values == Values{"7"});
  CHECK(parse_seeds("9,1, 5").values == Values{"9", "1", "5"});
  CHECK(parse_seeds("007").values == Values{"7"});
  CHECK(parse_seeds("9223372036854775806:9223372036854775807").values.size() == 2);
  CHECK(parse_seeds("1:100000").values.size() == max_sweep_points);
  for (const std::string bad : {"", ":", "1:", ":3", "3:1", "-1:3", "1:2:3", "1,", "1,1", "1,01", "x", "1.5", "+1",
                                "9223372036854775808", "0:9223372036854775807", "1:100001"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_seeds(bad), ValueError);
  }
}

TEST_CASE("sweep: points are all combinations, the last axis the fastest") {
  const auto points = sweep_points({{"model.DI.alpha", {"0.1", "1"}}, {seed_key, {"1", "2", "3"}}});
  REQUIRE(points.size() == 6);
  CHECK(points[0].values == Values{"0.1", "1"});
  CHECK(points[2].values == Values{"0.1", "3"});
  CHECK(points[5].values == Values{"1", "3"});
  CHECK(sets_of({{"model.DI.alpha", {}}, {seed_key, {}}}, points[3]) ==
        Values{"model.DI.alpha=1", "experiment.seed=1"});
  CHECK_THROWS_AS(sweep_points({{"a.b", {"1"}}, {"a.b", {"2"}}}), ValueError);
  const SweepAxis long_axis{"a.b", Values(1000, "1")}, other{"a.c", Values(101, "1")};
  CHECK_THROWS_WITH(sweep_points({long_axis, other}), Contains("too many points") && Contains("100000"));
}

TEST_CASE("sweep: names say the point, and are safe and short") {
  CHECK(names_of({{"model.DI.alpha", {"0.01"}}, {seed_key, {"3"}}}) == Values{"alpha_0.01__seed_3"});
  // as much of a key as tells it from the others
  CHECK(names_of({{"model.DI.alpha", {"1"}}, {"model.DI_2.alpha", {"2"}}}) == Values{"DI.alpha_1__DI_2.alpha_2"});
  CHECK(names_of({{"dynamics.dt", {"1"}}, {"model.DI.dt", {"2"}}}) == Values{"dynamics.dt_1__DI.dt_2"});
  CHECK(names_of({{"network.layers", {"[30, 20, 10]", "[ 3 , 2 ]"}}}) == Values{"layers_30_20_10", "layers_3_2"});
  CHECK(names_of({{"a.kind", {"\"random\"", "../../etc/passwd", "\xCE\xB1", "-1e-3", "\"\""}}}) ==
        Values{"kind_random", "kind_.._.._etc_passwd", "kind__", "kind_-1e-3", "kind___2"});
  CHECK(names_of({{"a.x", {"[1,2]", "[1, 2]", "\"1,2\"", "1_2_2", "RK4", "rk4"}}}) ==
        Values{"x_1_2", "x_1_2_2", "x_1_2_3", "x_1_2_2_2", "x_RK4", "x_rk4_2"});
  const std::string same(500, 'y');
  const Values cut = names_of({{"a.x", {same + "1", same + "2"}}});
  CHECK(cut[0] == "x_" + std::string(32, 'y'));
  CHECK(cut[1] == cut[0] + "_2");
}

TEST_CASE("sweep: names are unlike each other and safe, whatever the keys and values") {
  CHECK(rc::check("names", [](const std::map<std::string, std::vector<std::string>>& random) {
    std::vector<SweepAxis> axes;
    for (const auto& [key, values] : random) {
      if (axes.size() < 3 && !values.empty())
        axes.push_back({key, {values.begin(), values.begin() + std::min<std::ptrdiff_t>(std::ssize(values), 8)}});
    }
    std::set<std::string> seen;
    for (std::string name : names_of(axes)) {
      RC_ASSERT(name.size() < 220);
      RC_ASSERT(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-=,") ==
                std::string::npos);
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      RC_ASSERT(seen.insert(name).second);
    }
  }));
}

TEST_CASE("csv: what is written is read back") {
  CHECK(rc::check("fields", [](const std::vector<std::vector<std::string>>& random) {
    std::string text;
    std::vector<std::vector<std::string>> lines;
    for (std::vector<std::string> fields : random) {
      if (fields.empty()) fields.emplace_back();
      text += csv_line(fields);
      lines.push_back(fields);
    }
    RC_ASSERT(parse_csv(text) == lines);
  }));
  CHECK(parse_csv("a,b\nc,\"d\"\n") == std::vector<Values>{{"a", "b"}, {"c", "d"}});
  CHECK(parse_csv("a") == std::vector<Values>{{"a"}});
  CHECK(parse_csv("a,") == std::vector<Values>{{"a", ""}});
  CHECK(parse_csv("")->empty());
  for (const char* bad : {"\"a", "a\"b", "\"a\"b\n", "a\rb"}) CHECK_FALSE(parse_csv(bad));
  CHECK(csv_number(0.1) == "0.1");
  CHECK(csv_number(-std::numeric_limits<double>::infinity()) == "-Inf");
  CHECK(csv_number(3, true) == "3");
}

TEST_CASE("sweep: how far a run is, from what it says") {
  const ProgressReport report{.trials_done = 1234, .trials = 2000, .first = 0, .seconds = 1, .loss = {}};
  CHECK(trials_of_progress(progress_text(report)) == 1234);
  for (const std::string other :
       {"", "trial ", "trial 12", "trial x/2", "trial 99999999999999999999/2", "dynvert: trial 1/2"})
    CHECK_FALSE(trials_of_progress(other));
}

TEST_CASE("sweep: the index is a line a point") {
  const SweepTable table = two_by_two();
  const std::vector<PointState> states{
      {.status = PointStatus::complete, .trials = 20, .results = {0.5, 0.25, 1e300}},
      {.status = PointStatus::diverged, .trials = 1, .results = {std::nullopt, std::nullopt, 2.0}},
      {.status = PointStatus::failed},
      {}};
  const std::string text = index_text(table, states);
  CHECK(text ==
        "file,model.DI.alpha,seed,status,trials,train_loss_DI,train_accuracy_DI,train_loss_BP\r\n"
        "alpha_0.1__seed_3.h5,0.1,3,complete,20,0.5,0.25,1e+300\r\n"
        "alpha_0.1__seed_5.h5,0.1,5,diverged,1,,,2\r\n"
        "alpha_1_2__seed_3.h5,\"[1, 2]\",3,failed,0,,,\r\n"
        "alpha_1_2__seed_5.h5,\"[1, 2]\",5,not run,0,,,\r\n");
  CHECK(text.starts_with(sweep_index_signature));
  CHECK(index_difference(text, "i", table, Points::same).empty());
  CHECK(index_difference(text, "i", table, Points::more).empty());

  SweepTable other = table;
  other.axes[0].key = "model.DI.tau_u";
  CHECK(index_difference(text, "i", other, Points::same) == "swept there: model.DI.alpha; here: model.DI.tau_u");
  other = table;
  other.axes.erase(other.axes.begin());
  CHECK(index_difference(text, "i", other, Points::same) == "swept there: model.DI.alpha; here: seeds only");
  other = table;
  other.points.pop_back();
  CHECK(index_difference(text, "i", other, Points::same) == "4 runs there, 3 here");
  CHECK(index_difference(text, "i", other, Points::more) == "alpha_1_2__seed_5.h5 is there, and not here");
  // others before, between and behind those that are there
  other = table;
  other.axes[0].values = {"0", "0.1", "[1, 2]"};
  other.axes[1].values = {"3", "4", "5", "6"};
  other.points = sweep_points(other.axes);
  other.seeds = {3, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5, 6};
  CHECK(index_difference(text, "i", other, Points::more).empty());
  CHECK(index_difference(text, "i", other, Points::same) == "4 runs there, 12 here");
  other = table;
  other.points[1].name = "alpha_0.2__seed_5";
  CHECK(index_difference(text, "i", other, Points::same) == "alpha_0.1__seed_5.h5 is there, and not here");
  other = table;
  other.points[1].values[0] = "0.10";
  CHECK_THAT(index_difference(text, "i", other, Points::same), Contains("is of 0.1, 5 there, of 0.10, 5 here"));
  for (const std::string bad : {"", "hello", "file\r\n", "file,seed\r\nx\r\n", "file,seed\r\n\"x", "seed,file\r\n"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(index_difference(bad, "i", table, Points::same), IoError);
  }
}

TEST_CASE("sweep: what is wrong is said before anything runs, and nothing is made") {
  const TemporaryFolder folder;
  const std::string config = write(folder, "small.toml", small_config);
  const std::string out = folder / "out";
  const auto refused = [&](Values options, int code, const Values& parts) {
    options.insert(options.begin(), {"sweep", config, "-o", out});
    const Outcome run = dynvert_run(options);
    CAPTURE(run.err);
    CHECK(run.code == code);
    CHECK(run.out.empty());
    for (const auto& part : parts) CHECK_THAT(run.err, Contains(part));
    CHECK(std::ranges::count(run.err, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(out));
  };
  refused({}, 2, {"nothing is swept", "--over", "--seeds"});
  refused({"--seeds", "3:1"}, 2, {"--seeds 3:1", "ends before it begins"});
  refused({"--seeds", ""}, 2, {"a seed is missing"});
  refused({"--over", "model.DI.alpha"}, 2, {"KEY=V1,V2"});
  refused({"--over", "model.DI.alpha=0.1,-1", "--seeds", "1:2"}, 2,
          {"alpha_-1__seed_1: --over model.DI.alpha=-1", "at least 0"});
  refused({"--over", "model.DJ.alpha=0.1"}, 2, {"did you mean \"DI\""});
  refused({"--over", "model.DI.alpha=1,1.0"}, 2, {"alpha_1 and alpha_1.0 are the same run"});
  refused({"--seeds", "1:2", "--set", "learning.rat=1"}, 2, {"seed_1", "learning.rat", "did you mean \"rate\""});
  refused({"--seeds", "1:2", "--over", "experiment.seed=1,2"}, 2, {"experiment.seed is swept twice"});
  refused({"--seeds", "1:2", "--set", "experiment.seed=1"}, 2, {"has no effect"});
  refused({"--seeds", "1:2", "--set", "experiment.threads=1"}, 2, {"--threads"});
  refused({"--over", "experiment.threads=1,2"}, 2, {"--threads"});
  refused({"--seeds", "1:400", "--over",
           "learning.rate=" +
               [] {
                 std::string values = "0";
                 for (int k = 1; k < 300; ++k) values += fmt::format(",{}", k);
                 return values;
               }()},
          2, {"too many points", "100000"});
  refused({"--seeds", "1:2", "--resume"}, 4, {"nothing to resume", "without --resume"});

  CHECK(dynvert_run({"sweep", config, "--seeds", "1:2"}).code == 2);
  CHECK(dynvert_run({"sweep", config, "--seeds", "1:2", "-o", out, "--jobs", "0"}).code == 2);
  CHECK(dynvert_run({"sweep", config, "--seeds", "1:2", "-o", out, "--resume", "--overwrite"}).code == 2);
  CHECK(dynvert_run({"sweep", config, "--seeds", "1:2", "-o", config}).code == 4);
  CHECK(dynvert_run({"sweep", config, "--seeds", "1:2", "-o", folder / "no/such"}).code == 4);
  CHECK(dynvert_run({"sweep", folder / "none.toml", "--seeds", "1:2", "-o", out}).code == 2);
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("sweep: a folder with files is left as it is") {
  const TemporaryFolder folder;
  const std::string config = write(folder, "small.toml", small_config);
  const auto refused = [&](const std::string& option, const std::string& part) {
    Values words{"sweep", config, "--seeds", "1:2", "-o", folder.path().string()};
    if (!option.empty()) words.push_back(option);
    const Outcome run = dynvert_run(words);
    CAPTURE(run.err);
    CHECK(run.code == 4);
    CHECK_THAT(run.err, Contains(part));
  };
  const std::string precious = write(folder, "seed_2.h5", "my data");
  refused("", "seed_2.h5: exists already");
  refused("--overwrite", "is not overwritten");
  CHECK(contents(precious) == "my data");
  std::filesystem::remove(precious);
  const std::string index = write(folder, "sweep.csv", "my table");
  refused("", "sweep.csv: exists already");
  refused("--overwrite", "is not an index of a sweep");
  refused("--resume", "is not an index of a sweep");
  CHECK(contents(index) == "my table");
}

TEST_CASE("sweep: runs that end badly are said, and the index has them") {
  const TemporaryFolder folder;
  SweepArguments arguments;
  arguments.config.path = write(folder, "small.toml", small_config);
  arguments.over = {"model.DI.alpha=0.1,0.2"};
  arguments.output = folder / "out";
  const auto run = [&](const std::string& script) {
    arguments.program = folder / "program.sh";
    std::ofstream(arguments.program) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(arguments.program, std::filesystem::perms::owner_all);
    std::ostringstream out, err;
    const int code = sweep(arguments, out, err);
    arguments.resume = true;
    return Outcome{code, out.str(), err.str()};
  };
  const Outcome failed = run("echo 'dynvert: something is wrong' >&2; exit 3");
  CHECK(failed.code == 3);
  CHECK_THAT(failed.out, Contains("2 runs, 2 failed"));
  CHECK_THAT(failed.err, Contains("dynvert: alpha_0.1: something is wrong\n") &&
                             Contains("dynvert: alpha_0.2: failed, exit code 3\n"));
  CHECK_THAT(contents(folder / "out/sweep.csv"), Contains("alpha_0.1.h5,0.1,0,failed,0,"));

  const Outcome killed = run("kill -9 $$");
  CHECK(killed.code == 4);
  CHECK_THAT(killed.err, Contains("alpha_0.1: ended by signal 9 (Killed)"));
  // a run that says it is done, and is not
  CHECK(run("exit 0").code == 4);
  CHECK(run("exit 2").code == 2);
  CHECK(run("case $* in *alpha=0.1*) exit 2;; esac; exit 4").code == 4);
  const Outcome stopped = run("kill -TERM $$");
  CHECK(stopped.code == 130);
  CHECK_THAT(stopped.out, Contains("2 not run"));
  arguments.program = "/no/such/program";
  std::ostringstream out, err;
  CHECK(sweep(arguments, out, err) == 4);
  CHECK_THAT(err.str(), Contains("/no/such/program: No such file or directory"));
  // the words that a run is started with
  arguments.config.sets = {"learning.rate=0.5"};
  arguments.seeds = "7";
  arguments.output = folder / "words";
  arguments.resume = false;
  CHECK_THAT(run("echo \"$*\" >&2").err,
             Contains(fmt::format("dynvert: alpha_0.2__seed_7: simulate {} --set learning.rate=0.5 --set "
                                  "model.DI.alpha=0.2 --seed 7 --threads 1 -o {}/alpha_0.2__seed_7.h5\n",
                                  arguments.config.path, arguments.output)));
}

TEST_CASE("process pool: so many at once, whole lines, one signal to stop") {
  std::vector<std::string> lines;
  std::vector<ProcessEnd> ends(6);
  std::size_t begun = 0, ended = 0, most = 0;
  std::atomic<bool> stop = false;
  ProcessPool pool{
      .program = "/bin/sh", .count = 6, .at_once = 2, .start = {}, .line = {}, .end = {}, .tick = {}, .stop = &stop};
  std::string script;
  pool.start = [&](std::size_t i) {
    most = std::max(most, ++begun - ended);
    return std::vector<std::string>{"sh", "-c", script, "sh", std::to_string(i)};
  };
  pool.line = [&](std::size_t i, const std::string& line) { lines.push_back(fmt::format("{}:{}", i, line)); };
  pool.end = [&](std::size_t i, const ProcessEnd& end) {
    ++ended;
    ends[i] = end;
  };
  pool.tick = [](std::size_t) {};

  script = "echo out; printf 'a%sb' $1 >&2; echo >&2; printf unfinished >&2; exit $1";
  pool.run();
  CHECK(begun == 6);
  CHECK(ended == 6);
  CHECK(most == 2);
  std::ranges::sort(lines);
  REQUIRE(lines.size() == 12);
  CHECK(lines[4] == "2:a2b");
  CHECK(lines[5] == "2:unfinished");
  for (int i = 0; i < 6; ++i) CHECK(ends[static_cast<std::size_t>(i)].exit_code == i);

  // told once: the second signal would end it before it has said so
  script =
      "trap 'trap - TERM; sleep 0.05; echo stopped >&2; exit 130' TERM; echo ready >&2; while :; do sleep 0.01; done";
  lines.clear();
  begun = ended = 0;
  std::size_t ready = 0;
  pool.line = [&](std::size_t, const std::string& line) {
    lines.push_back(line);
    if (line == "ready" && ++ready == 2) stop = true;
  };
  pool.run();
  CHECK(begun == 2);
  CHECK(std::ranges::count(lines, "stopped") == 2);
  CHECK(ends[0].exit_code == 130);
  CHECK(ends[1].exit_code == 130);

  // no more are started
  stop = false;
  begun = 0;
  pool.start = [&](std::size_t) {
    return begun++ == 0 ? std::vector<std::string>{"sh", "-c", "exit 0"} : std::vector<std::string>();
  };
  pool.run();
  CHECK(begun == 2);
}
