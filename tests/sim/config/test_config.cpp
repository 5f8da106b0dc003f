// What a configuration becomes, and that each fault is reported with its place, its key, what was found, what is
// allowed.

#include <dynvert/sim/config/load.hpp>

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "support/config_text.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

/// One change of the base, and what the error must say. Every case checks the line, too: that of `to`.
struct Case {
  std::string from, to;
  std::string key;
  std::string fault;    ///< part of it
  std::string allowed;  ///< part of it
  std::string nearest = "";
};

void check(const Case& c) {
  const auto text = changed(c.from, c.to);
  INFO("with: " << c.to);
  const auto fault = fault_of(text);
  INFO(fault.message);
  CHECK(fault.data.key == c.key);
  CHECK(contains(fault.data.fault, c.fault));
  CHECK(contains(fault.data.allowed, c.allowed));
  CHECK(fault.data.nearest == c.nearest);
  // where a change adds lines, the last of them is the one at fault
  CHECK(fault.data.line == line_of(text, c.to) + static_cast<std::size_t>(std::count(c.to.begin(), c.to.end(), '\n')));
  CHECK(fault.message.starts_with(fmt::format("/configs/test.toml:{}: {}: ", fault.data.line, c.key)));
  CHECK(contains(fault.message, fault.data.fault));
  CHECK(contains(fault.message, fault.data.allowed));
  if (!c.nearest.empty()) CHECK(contains(fault.message, "did you mean \"" + c.nearest + "\"?"));
}

void check(const std::vector<Case>& cases) {
  for (const auto& c : cases) check(c);
}

}  // namespace

TEST_CASE("a configuration becomes values") {
  const auto config = parse(base);
  CHECK(config.title == "test");
  CHECK(config.seed == 7);
  CHECK(config.trials == 100);
  CHECK(config.threads == 1);
  CHECK(config.task.inputs == 6);
  CHECK(config.task.outputs == 4);
  CHECK(config.network.activation == std::vector<std::string>{"tanh"});
  CHECK(config.network.init.half_width == 0.1);
  CHECK(config.learning.clip_delta == std::numeric_limits<double>::infinity());
  CHECK(config.source == "/configs/test.toml");
  CHECK(config.notes.empty());
  REQUIRE(config.models.size() == 3);
  CHECK(config.models[0].dynamics == DynamicsConfig{});  // backprop has no loop
  CHECK(config.models[0].feedback == FeedbackConfig{});
  CHECK(config.models[1].feedback.gain == 2);
  CHECK(config.models[1].dynamics == DynamicsConfig{});
  CHECK(config.models[2].alpha == 0.02);
  CHECK(config.models[2].dynamics.solver == "rk4");
  CHECK(config.models[2].feedback.gain == 2);
}

TEST_CASE("an integer is a real, but not the other way round") {
  CHECK(parse(changed("dt = 0.5", "dt = 1")).models[2].dynamics.dt == 1);
  check({{"seed = 7", "seed = 7.0", "experiment.seed", "found the real 7", "an integer: 0 to"},
         {"rate = 0.01", "rate = true", "learning.rate", "found the boolean true", "a real number: at least 0"},
         {"seed = 7", "seed = false", "experiment.seed", "found the boolean false", "an integer"},
         {"trials = 100", "trials = \"100\"", "experiment.trials", "found the string \"100\"", "an integer"},
         {"rate = 0.01", "rate = 0.01\nskip_first = 1", "learning.skip_first", "found the integer 1", "a boolean"},
         {"dt = 0.5", "dt = \"fast\"", "dynamics.dt", "found the string \"fast\"", "a real number: above 0"},
         {"dt = 0.5", "dt = [0.5]", "dynamics.dt", "found a list", "a real number"},
         {"dt = 0.5", "dt = 1979-05-27", "dynamics.dt", "found a date or time", "a real number"},
         {"title = \"test\"", "title = 5", "experiment.title", "found the integer 5", "a string"},
         {"layers = [6, 5, 4]", "layers = 6", "network.layers", "found the integer 6", "a list of integers"},
         {"layers = [6, 5, 4]", "layers = [6, 5.0, 4]", "network.layers", "found the real 5", "an integer"},
         {"activation = \"tanh\"", "activation = 1", "network.activation", "found the integer 1", "a string or a list"},
         {"activation = \"tanh\"", "activation = [1]", "network.activation", "found the integer 1", "a string"},
         {"trials = [0, 99]", "measures = \"residual\"", "record.measures", "found the string", "a list of strings"}});
}

TEST_CASE("unknown keys name the nearest known one") {
  check({{"dt = 0.5", "sovler = \"rk4\"", "dynamics.sovler", "unknown key", "solver, dt, duration", "solver"},
         {"alpha = 0.02", "sovler = \"rk4\"", "model.DI.sovler", "unknown key",
          "name, credit, circuit, circuit_text, alpha", "solver"},
         {"seed = 7", "sed = 7", "experiment.sed", "unknown key", "title, seed, trials, epochs, threads", "seed"},
         {"samples = 200", "sample = 200", "task.sample", "unknown key", "kind, inputs, outputs", "samples"},
         {"init = { kind", "init = { knid", "network.init.knid", "unknown key", "kind, half_width", "kind"},
         {"gain = 2.0", "gian = 2.0", "feedback.gian", "unknown key", "kind, factor, gain", "gain"},
         {"alpha = 0.02", "feedback = { gian = 2.0 }", "model.DI.feedback.gian", "unknown key", "kind, factor, gain",
          "gain"},
         // known, but in another table
         {"seed = 7", "layers = [1, 1, 1]", "experiment.layers", "unknown key", "title, seed", "network.layers"},
         {"rate = 0.01", "zzzzzz = 0.01", "learning.zzzzzz", "unknown key", "rate, decay, batch"},
         {"dt = 0.5", "tau_f = 1.0", "dynamics.tau_f", "unknown key", "tau_delta, tau_u, tau_h", "tau_u"},
         {"[learning]", "[learnig]", "learnig", "unknown table", "experiment, task, network", "learning"},
         {"rate = 0.01", "\"ra\\u0000te\" = 0.01", "learning.\"ra\\x00te\"", "unknown key", "rate", "rate"}});
  const auto message = fault_of(changed("alpha = 0.02", "sovler = 1")).message;
  CHECK(contains(message,
                 "model.DI.sovler: unknown key; did you mean \"solver\"? Allowed here: name, credit, circuit, "
                 "circuit_text, alpha,"));
}

TEST_CASE("names are checked against what the program knows") {
  check(
      {{"kind = \"linear_teacher\"", "kind = \"lineer_teacher\"", "task.kind", "found the string \"lineer_teacher\"",
        "linear_teacher", "linear_teacher"},
       {"solver = \"rk4\"", "solver = \"dopri\"", "dynamics.solver", "\"dopri\"", "euler, sequential_euler", "dopri5"},
       {"credit = \"backprop\"", "credit = \"back_prop\"", "model.BP.credit", "\"back_prop\"", "backprop, feedback",
        "backprop"},
       {"kind = \"negative_transpose\"", "kind = \"transpose\"", "feedback.kind", "\"transpose\"", "optimised, file"},
       {"kind = \"negative_transpose\"", "kind = \"optimized\"", "feedback.kind", "\"optimized\"", "file", "optimised"},
       {"activation = \"tanh\"", "activation = \"tahn\"", "network.activation", "\"tahn\"", "linear, tanh", "tanh"},
       {"activation = \"tanh\"", "output = \"softmax\"", "network.output", "\"softmax\"", "linear, tanh"},
       {"dt = 0.5", "forward = \"dynamics\"", "dynamics.forward", "\"dynamics\"", "instantaneous, dynamic", "dynamic"},
       {"dt = 0.5", "transfer = \"linearized\"", "dynamics.transfer", "\"linearized\"", "linear, nonlinear",
        "linearised"},
       {"dt = 0.5", "on_divergence = \"ignore\"", "dynamics.on_divergence", "\"ignore\"", "stop, skip"},
       {"trials = [0, 99]", "measures = [\"angle\"]", "record.measures", "\"angle\"", "angle_ndi, angle_pbp"},
       {"trials = [0, 99]", "measures = [\"residual\", \"residual\"]", "record.measures", "twice", "each name once"},
       {"trials = [0, 99]", "populations = [\"delta_2\"]", "record.populations", "\"delta_2\"", "delta_1, u_1",
        "delta_1"}});
  CHECK(parse(changed("trials = [0, 99]", "populations = [\"delta_1\"]")).record.populations.size() == 1);
}

TEST_CASE("impossible numbers") {
  check(
      {{"dt = 0.5", "dt = 0.0", "dynamics.dt", "found the real 0", "a finite real number above 0"},
       {"dt = 0.5", "dt = -0.5", "dynamics.dt", "found the real -0.5", "above 0"},
       {"dt = 0.5", "dt = nan", "dynamics.dt", "found the real nan", "a finite real number above 0"},
       {"dt = 0.5", "dt = inf", "dynamics.dt", "found the real inf", "a finite real number"},
       {"duration = 100.0", "duration = -1", "dynamics.duration", "found the integer -1", "above 0"},
       {"duration = 100.0", "duration = 0", "dynamics.duration", "found the integer 0", "above 0"},
       {"dt = 0.5", "tau_delta = -1.0", "dynamics.tau_delta", "found the real -1", "above 0"},
       {"dt = 0.5", "tau_u = 0", "dynamics.tau_u", "found the integer 0", "above 0"},
       {"alpha = 0.02", "tau_u = -2.0", "model.DI.tau_u", "found the real -2", "above 0"},
       {"alpha = 0.02", "alpha = nan", "model.DI.alpha", "found the real nan", "a finite real number at least 0"},
       {"alpha = 0.02", "alpha = -0.02", "model.DI.alpha", "found the real -0.02", "at least 0"},
       {"alpha = 0.02", "alpha = -inf", "model.DI.alpha", "found the real -inf", "at least 0"},
       {"dt = 0.5", "settle_tolerance = 1", "dynamics.settle_tolerance", "found the integer 1", "at least 0, below 1"},
       {"rate = 0.01", "rate = inf", "learning.rate", "found the real inf", "a finite real number"},
       {"rate = 0.01", "rate = 0.01\nclip_delta = inf", "learning.clip_delta", "found the real inf", "above 0"},
       {"seed = 7", "seed = -1", "experiment.seed", "found the integer -1", "0 to 9223372036854775807"},
       {"trials = 100", "trials = 0", "experiment.trials", "found the integer 0", "1 to 1000000000"},
       {"seed = 7", "threads = 0", "experiment.threads", "found the integer 0", "1 to 1024"},
       {"rate = 0.01", "rate = 0.01\nbatch = 0", "learning.batch", "found the integer 0", "1 to"},
       {"rate = 0.01", "rate = 0.01\nbatch = 201", "learning.batch", "201 is more than the 200 samples", "1 to 200"},
       {"trials = [0, 99]", "compression = 10", "record.compression", "found the integer 10", "0 to 9"},
       {"trials = [0, 99]", "evaluate_every = 0", "record.evaluate_every", "found the integer 0", "1 to"},
       {"gain = 2.0", "margin = 0.1", "feedback.margin", "found the real 0.1", "at most 0"},
       {"gain = 2.0", "gain = -2.0", "feedback.gain", "found the real -2", "above 0"}});
}

TEST_CASE("sizes") {
  check(
      {{"layers = [6, 5, 4]", "layers = [6, 4]", "network.layers", "found 2 layers", "3 to 1000"},
       {"layers = [6, 5, 4]", "layers = []", "network.layers", "found 0 layers", "3 to 1000"},
       {"layers = [6, 5, 4]", "layers = [6, 0, 4]", "network.layers", "found the integer 0", "1 to 1000000"},
       {"layers = [6, 5, 4]", "layers = [6, -5, 4]", "network.layers", "found the integer -5", "1 to 1000000"},
       {"layers = [6, 5, 4]", "layers = [6, 9223372036854775807, 4]", "network.layers", "found the integer", "1 to"},
       {"layers = [6, 5, 4]", "layers = [6, 1000000, 1000]", "network.layers", "up to W2, which is 1000 x 1000000",
        "at most 100000000 weights"},
       {"samples = 200", "samples = 1000000000", "task.samples", "too large", "at most 1000000000 numbers"},
       {"samples = 200", "inputs = 7", "task.inputs", "found 7, but the first of network.layers is 6", "6, or leave"},
       {"samples = 200", "outputs = 6", "task.outputs", "found 6, but the last of network.layers is 4", "4, or leave"},
       {"activation = \"tanh\"", "activation = [\"tanh\", \"relu\"]", "network.activation", "found 2 names",
        "one for each of the 1 hidden layers"},
       {"trials = [0, 99]", "trials = [0, 100]", "record.trials", "found 100, but the experiment has 100 trials",
        "0 to 99"},
       {"trials = [0, 99]", "trials = [5, 0, 5]", "record.trials", "5 is listed twice", "each trial once"},
       {"trials = [0, 99]", "trials = [-1]", "record.trials", "found the integer -1", "0 to"},
       {"trials = [0, 99]", "trials = [1]\nevery = 10", "record.every", "together with record.trials", "either"}});
  const auto overflow = fault_of(changed("seed = 7", "seed = 99999999999999999999"));
  CHECK(overflow.data.line == 3);
  CHECK(contains(overflow.data.fault, "not TOML"));
}

TEST_CASE("trials or epochs") {
  CHECK(parse(changed("trials = 100", "epochs = 3")).trials == 600);
  CHECK(parse(changed("rate = 0.01", "rate = 0.01\nbatch = 8", changed("trials = 100", "epochs = 4"))).trials == 100);
  check(
      {{"trials = 100", "trials = 100\nepochs = 2", "experiment.epochs", "given together with trials", "either trials"},
       {"trials = 100", "epochs = 1000000000", "experiment.epochs", "too many trials", "at most 1000000000"}});
  const auto neither = fault_of(changed("trials = 100", ""));
  CHECK(neither.data.key == "experiment.trials");
  CHECK(neither.data.line == 1);  // the table
  CHECK(contains(neither.data.fault, "is missing"));
  const auto uneven = changed("rate = 0.01", "rate = 0.01\nbatch = 3", changed("trials = 100", "epochs = 2"));
  CHECK(contains(fault_of(uneven).message, "learning.batch: 3 does not divide the 200 samples of an epoch"));
}

TEST_CASE("a fixed-step solver takes a whole number of steps") {
  check({{"duration = 100.0", "duration = 100.2", "dynamics.duration", "not a whole number of steps of dt = 0.5",
          "100 or 100.5"},
         {"duration = 100.0", "duration = 0.25", "dynamics.duration", "not a whole number", "a duration of 0.5"},
         {"alpha = 0.02", "duration = 7.3", "model.DI.duration", "duration = 7.3 is not a whole", "7 or 7.5"},
         {"alpha = 0.02", "dt = 0.3", "model.DI.dt", "duration = 100 is not a whole number", "99.9 or 100.2"},
         {"duration = 100.0", "duration = 1e9", "dynamics.duration", "takes 2e+09 steps", "a larger max_steps"},
         {"duration = 100.0", "duration = 1e300", "dynamics.duration", "more than max_steps", "a shorter duration"},
         {"trials = [0, 99]", "interval = 0.7", "record.interval",
          "not a whole number of steps of dt = 0.5 of model.DI", "0.5 or 1"},
         {"trials = [0, 99]", "interval = 100.5", "record.interval", "longer than duration = 100", "at most 100"}});
  const auto many_steps = fault_of(changed("alpha = 0.02", "max_steps = 199"));
  CHECK(many_steps.data.key == "dynamics.duration");
  CHECK(contains(many_steps.data.fault, "takes 200 steps of dt = 0.5, more than max_steps = 199"));
  // decimal fractions that are not exact in binary still divide
  CHECK(parse(changed("dt = 0.5", "dt = 0.1", changed("duration = 100.0", "duration = 0.3"))).models[2].dynamics.dt ==
        0.1);
  // an adaptive solver needs no whole number of steps
  CHECK(
      parse(changed("duration = 100.0", "duration = 100.2"), {"dynamics.solver=dopri5"}).models[2].dynamics.duration ==
      100.2);
}

TEST_CASE("a note says where a trace ends before its trial does") {
  using Notes = std::vector<std::string>;
  const auto notes = [](const std::string& duration, const std::vector<std::string>& sets) {
    return parse(changed("duration = 100.0", "duration = " + duration), sets).notes;
  };
  const std::string adaptive = "dynamics.solver=dopri5";
  CHECK(notes("15.0", {"record.interval=4.0"}) ==
        Notes{"traces end at 12: duration = 15 is not a whole number of record.interval = 4, the time between their "
              "samples"});
  CHECK(notes("0.25", {adaptive}) ==
        Notes{"traces end at 0: duration = 0.25 is not a whole number of dt = 0.5, the time between their samples"});
  CHECK(notes("100.2", {adaptive}).front().starts_with("traces end at 100: duration = 100.2"));
  CHECK(notes("16.0", {"record.interval=4.0"}).empty());
  // decimal fractions that are not exact in binary still divide
  CHECK(notes("0.3", {"dynamics.dt=0.1"}).empty());
  const std::string circuit =
      "[dynamics]\nduration = 15.0\n[record]\ninterval = 4.0\n[[population]]\nname = \"E\"\ninitial = 1.0\n";
  CHECK(parse(circuit).notes ==
        Notes{"traces end at 12: duration = 15 is not a whole number of record.interval = 4, the time between their "
              "samples"});
  CHECK(parse(circuit, {"record.interval=5.0"}).notes.empty());
}

TEST_CASE("no key is accepted and ignored") {
  const std::string di = "alpha = 0.02", bp = "credit = \"backprop\"", fa = "credit = \"feedback_alignment\"";
  check(
      {{bp, bp + "\nsolver = \"rk4\"", "model.BP.solver", "does not apply with credit = \"backprop\"", "leave it out"},
       {bp, bp + "\nalpha = 0.1", "model.BP.alpha", "does not apply with credit = \"backprop\"", "leave it out"},
       {bp, bp + "\nfeedback = { gain = 1.0 }", "model.BP.feedback", "does not apply with credit = \"backprop\"", ""},
       {bp, bp + "\ntau_u = 1.0", "model.BP.tau_u", "does not apply with credit = \"backprop\"", ""},
       {fa, fa + "\nalpha = 0.1", "model.FA.alpha", "does not apply with credit = \"feedback_alignment\"", ""},
       {"rate = 0.01", "rate = 0.01\nprecision = \"single\"", "learning.precision",
        "does not apply for 30 weights of the first layer, fewer than 50000: model.BP does not learn in blocks",
        "double"},
       {fa, fa + "\nfeedback = { restabilise = true }", "model.FA.feedback.restabilise", "does not apply", ""},
       {fa, fa + "\nfeedback = { kind = \"optimised\" }", "model.FA.feedback.kind", "no loop to stabilise",
        "negative_transpose, random"},
       {di, "feedback = { kind = \"random\", gain = 2.0 }", "model.DI.feedback.gain",
        "does not apply with kind = \"random\"", ""},
       {di, "feedback = { half_width = 2.0 }", "model.DI.feedback.half_width",
        "does not apply with kind = \"negative_transpose\"", ""},
       {di, "feedback = { margin = -0.1 }", "model.DI.feedback.margin",
        "does not apply with kind = \"negative_transpose\" and restabilise = false", ""},
       {di, "feedback = { path = \"x.h5\" }", "model.DI.feedback.path", "does not apply with kind", ""},
       {di, "feedback = { kind = \"file\" }", "model.DI.feedback.path", "is missing", "a file name"},
       {di, "rtol = 1e-3", "model.DI.rtol", "does not apply with solver = \"rk4\"", ""},
       {di, "solver = \"exact\"\nsettle_tolerance = 1e-3", "model.DI.settle_tolerance",
        "does not apply with solver = \"exact\"", ""},
       {di, "solver = \"fixed_point\"\nsettle_tolerance = 1e-3", "model.DI.settle_tolerance",
        "does not apply with solver = \"fixed_point\"", ""},
       {di, "solver = \"fixed_point\"\ndt = 0.5", "model.DI.dt", "does not apply with solver = \"fixed_point\"", ""},
       {"solver = \"rk4\"", "solver = \"exact\"\nsettle_tolerance = 1e-3", "dynamics.settle_tolerance",
        "does not apply with solver = \"exact\"", ""},
       {"half_width = 0.1", "path = \"w.h5\"", "network.init.path", "does not apply with kind = \"uniform\"", ""},
       {"kind = \"uniform\"", "kind = \"file\"", "network.init.half_width", "does not apply with kind = \"file\"", ""},
       {"init = { kind = \"uniform\", half_width = 0.1 }", "init = { kind = \"file\", path = \"w.h5\", group = \"a\" }",
        "network.init.group", "found \"a\"", "from /"}});
  CHECK(parse(changed(di, "feedback = { restabilise = true, margin = -0.1 }")).models[2].feedback.margin == -0.1);
}

TEST_CASE("defaults that no model uses are noted") {
  const auto config = parse(changed("dt = 0.5", "dt = 0.5\nrtol = 1e-3"));
  REQUIRE(config.notes.size() == 1);
  CHECK(config.notes[0] == "/configs/test.toml:" + std::to_string(line_of(base, "duration = 100.0")) +
                               ": dynamics.rtol: not used by any model");
}

TEST_CASE("a model takes over from the feedback defaults what its own kind uses") {
  const auto own = [&](const std::string& feedback) {
    return parse(changed("alpha = 0.02", feedback)).models[2].feedback;
  };
  CHECK(own("").gain == 2);
  CHECK(own("feedback = { gain = 3.0 }").gain == 3);
  CHECK(own("feedback = { kind = \"negative_sign\" }").gain == 2);
  CHECK(own("feedback = { kind = \"random\" }").gain == FeedbackConfig{}.gain);
  CHECK(own("feedback = { kind = \"random\", half_width = 0.25 }").half_width == 0.25);
  const auto text = changed("gain = 2.0", "half_width = 0.1", changed("\"negative_transpose\"", "\"random\""));
  CHECK(parse(changed("alpha = 0.02", "feedback = { kind = \"optimised\" }", text)).models[2].feedback.half_width ==
        0.1);
}

TEST_CASE("models and their names") {
  const auto twice = fault_of(changed("name = \"DI\"", "name = \"BP\""));
  CHECK(twice.data.key == "model[3].name");
  CHECK(twice.data.line == line_of(base, "name = \"DI\""));
  CHECK(contains(twice.message, "two models have the name \"BP\"; allowed: a different name for each model"));
  check({{"name = \"DI\"", "name = \"D I\"", "model[3].name", "found \"D I\"", "letters, digits and _"},
         {"name = \"DI\"", "name = \"3DI\"", "model[3].name", "found \"3DI\"", "no digit first"},
         {"name = \"DI\"", "name = \"\"", "model[3].name", "found \"\"", "letters"},
         {"name = \"DI\"", "name = \"a/b\"", "model[3].name", "found \"a/b\"", "letters"},
         {"name = \"DI\"", "name = 3", "model[3].name", "found the integer 3", "a string"}});
  const auto nameless = fault_of(changed("name = \"DI\"", ""));
  CHECK(nameless.data.key == "model[3].name");
  CHECK(nameless.data.fault == "is missing");
  CHECK(nameless.data.line == line_of(base, "name = \"DI\"") - 1);  // its [[model]]
  CHECK(fault_of(changed("credit = \"backprop\"", "")).data.key == "model.BP.credit");
  const auto none = fault_of(base.substr(0, base.find("[[model]]")));
  CHECK(none.data.key == "model");
  CHECK(contains(none.message, "nothing to simulate; allowed: one [[model]] or more"));
  const auto single = fault_of(base.substr(0, base.find("[[model]]")) + "[model]\nname = \"DI\"\n");
  CHECK(contains(single.message, "model: found a table; allowed: one [[model]] or more, with two brackets"));
  CHECK(single.data.line == line_of(base, "[[model]]"));
  CHECK(contains(fault_of("model = [1]\n" + base.substr(0, base.find("[[model]]"))).message, "found the integer 1"));
}

TEST_CASE("missing tables and keys") {
  const auto missing = [](const std::string& text, const std::string& key) {
    const auto fault = fault_of(text);
    CHECK(fault.data.key == key);
    CHECK(fault.data.fault == "is missing");
    CHECK_FALSE(fault.data.allowed.empty());
  };
  missing("[experiment]\ntrials = 1\n", "task.kind");
  CHECK(fault_of(changed("layers", "lyers")).data.nearest == "layers");
  CHECK(fault_of(changed("name = \"DI\"", "nmae = \"DI\"")).data.nearest == "name");
  CHECK(fault_of(changed("credit = \"backprop\"", "kredit = \"backprop\"")).data.nearest == "credit");
  missing(changed("kind = \"linear_teacher\"", ""), "task.kind");
  missing(changed("layers = [6, 5, 4]", ""), "network.layers");
  missing(changed("rate = 0.01", ""), "learning.rate");
  CHECK(contains(fault_of("task = 3\n").message, "test.toml:1: task: found the integer 3; allowed: a table"));
  CHECK(
      contains(fault_of("seed = 3\n").message, "test.toml:1: seed: unknown table; did you mean \"experiment.seed\"?"));
}

TEST_CASE("text that is not TOML") {
  const auto syntax = fault_of(changed("dt = 0.5", "dt = = 0.5"));
  CHECK(syntax.data.line == line_of(base, "dt = 0.5"));
  CHECK(syntax.data.column > 0);
  CHECK(contains(syntax.message, "not TOML"));
  CHECK(contains(fault_of(base + "[task]\n").message, "not TOML"));            // a table twice
  CHECK(contains(fault_of(base + "name = \"again\"\n").message, "not TOML"));  // a key twice
  CHECK(contains(fault_of(changed("test", "\xff\xfe")).message, "not TOML"));
  CHECK(contains(fault_of(changed("\"test\"", "\"test")).message, "not TOML"));
  CHECK(contains(fault_of("x = " + std::string(100'000, '[')).message, "not TOML"));
  CHECK(
      contains(fault_of("x = " + std::string(300, '[') + std::string(300, ']')).message, "nested no deeper than 256"));
  CHECK(contains(fault_of(std::string(base.size(), '\0')).message, "not TOML"));
  // toml++ as headers with assertions aborts on these; the packaged library, which dynvert links, reports them
  for (const char* header : {"[.]", "[=]", "[#]", "[[.a]]", "[\n"})
    CHECK(contains(fault_of(header).message, "not TOML"));
  CHECK(contains(fault_of("").message, "is empty"));
  CHECK(contains(fault_of(" \n\t\r\n").message, "is empty"));
  CHECK(contains(fault_of(base + std::string(5 << 20, '#')).message, "larger than 4194304 bytes"));
  CHECK(contains(fault_of(changed("\"test\"", "\"te\\u0000st\"")).message, "text without control characters"));
  CHECK(contains(fault_of(changed("seed", std::string(100'000, 'x'))).message, "unknown key"));
}

TEST_CASE("files that cannot be read as a configuration") {
  namespace fs = std::filesystem;
  const auto folder = fs::temp_directory_path() / fmt::format("dynvert_test_config_{}", getpid());
  fs::create_directories(folder);
  const auto message = [](const fs::path& path) -> std::string {
    try {
      static_cast<void>(load_config(path.string(), {}, {}, {}, test_registry()));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(contains(message(folder / "none.toml"), "none.toml: there is no such file"));
  CHECK(contains(message(folder), "is a directory"));
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  {  // as of <(..) in a shell
    const std::jthread writer([&] { std::ofstream(folder / "fifo") << "[experimnt]\n"; });
    CHECK(contains(message(folder / "fifo"), "unknown table; did you mean \"experiment\"?"));
  }
  CHECK(contains(message("/dev/null"), "is empty"));
  std::ofstream(folder / "empty.toml");
  CHECK(contains(message(folder / "empty.toml"), "is empty"));
  std::ofstream(folder / "good.toml") << base;
  CHECK(message(folder / "good.toml") == "accepted");
  if (geteuid() != 0) {  // root reads everything
    fs::permissions(folder / "good.toml", fs::perms::none);
    CHECK(contains(message(folder / "good.toml"), "cannot be opened for reading"));
  }
  fs::remove_all(folder);
}

TEST_CASE("a ~ that no shell has replaced is said, not taken for a folder of that name") {
  const std::string uniform = "init = { kind = \"uniform\", half_width = 0.1 }";
  const auto with = [&](const std::string& path) {
    return changed(uniform, "init = { kind = \"file\", path = \"" + path + "\" }");
  };
  for (const std::string path : {"~", "~/w.h5", "~else/w.h5"}) {
    CHECK_THROWS_WITH(parse(with(path)), Catch::Contains("network.init.path") && Catch::Contains("shell") &&
                                             Catch::Contains("$HOME") && Catch::Contains("\"./" + path + "\""));
  }
  CHECK(parse(with("./~/w.h5")).network.init.path == "/configs/~/w.h5");
  CHECK(parse(with("a~/w.h5")).network.init.path == "/configs/a~/w.h5");
  const auto file = changed("\"negative_transpose\"", "\"file\"", changed("gain = 2.0", "path = \"b.h5\""));
  CHECK_THROWS_WITH(parse(file, {"model.DI.feedback.path=~/w.h5"}), Catch::Contains("shell"));
}

TEST_CASE("file names are relative to the configuration file") {
  const auto text = changed("init = { kind = \"uniform\", half_width = 0.1 }",
                            "init = { kind = \"file\", path = \"../weights/w.h5\", group = \"/models/DI\" }");
  CHECK(parse(text).network.init.path == "/weights/w.h5");
  CHECK(parse(changed("../weights", "/data", text)).network.init.path == "/data/w.h5");
  const auto feedback = changed("gain = 2.0", "path = \"b.h5\"", changed("\"negative_transpose\"", "\"file\""));
  CHECK(parse(feedback).models[2].feedback.path == "/configs/b.h5");
  CHECK(parse(feedback).models[2].feedback.group == "/");
  const auto folder = [&](const std::string& source) {
    return parse_config(text, source, {}, {}, {}, test_registry()).network.init.path;
  };
  const auto here = std::filesystem::current_path();
  CHECK(folder("a/b/c.toml") == (here / "a/weights/w.h5").string());
  CHECK(folder("c.toml") == (here.parent_path() / "weights/w.h5").string());
  CHECK_THROWS_WITH(folder("/a\xff/b/c.toml"), Catch::Contains("init.path: is in a folder whose name is not UTF-8"));
}

TEST_CASE("the nearest name") {
  CHECK(nearest_name("sovler", {"solver", "sober"}) == "solver");
  CHECK(nearest_name("tau", {"tau_u", "gain"}) == "tau_u");
  CHECK(nearest_name("x", {"dt"}).empty());
  CHECK(nearest_name("dtt", {"dt"}) == "dt");
  CHECK(nearest_name("", {"dt"}).empty());
  CHECK(nearest_name("banana", {"solver", "gain"}).empty());
}

TEST_CASE("whatever the text, it is a configuration or a ConfigError") {
  static const std::string bytes = std::string("\"'[]{}=.,#\n\t -+_09aeinfx\\\x80\xff") + '\0';
  CHECK(rc::check("damaged text", [] {
    auto text = base;
    for (int edits = *rc::gen::inRange(1, 6); edits > 0; --edits) {
      const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
      const auto byte = bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())];
      switch (*rc::gen::inRange(0, 4)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        case 2:
          text.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
          break;
        default:
          text.insert(at, text.substr(*rc::gen::inRange<std::size_t>(0, text.size()), 30));
      }
    }
    try {
      const auto config = parse(text);
      RC_ASSERT(parse(config.resolved).resolved == config.resolved);
    } catch (const ConfigError& error) {
      RC_ASSERT_FALSE(error.data().fault.empty());
      RC_ASSERT(error.data().file == "/configs/test.toml");
    }
  }));
}
