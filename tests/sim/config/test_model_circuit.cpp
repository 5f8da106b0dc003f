// [[model]] circuit = "FILE": where the file is found, its parameters as keys, what else applies, and what is written.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/equations/source.hpp>
#include <dynvert/sim/config/circuit_file.hpp>

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

#include "support/config_text.hpp"
#include "support/temporary_folder.hpp"

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string circuit = R"(version = 1
title = "with \"quotes\" and \\ signs"

[parameters]
k_p = { default = 1.5, min = 0, max = 10, meaning = "gain" }
tau_u = { default = 2.0, above = 0, units = "time" }
transfer = { default = "linear", choices = ["linear", "cubic"] }
fast = false

[circuit]
equations = '''
h[0] = input
for l = 1..L
  h[l] = g[l](W[l]*h[l-1] + b[l])
end
s[L] = target - h[L]
for l = L..2 step -1
  tau_u du[l]/dt = -u[l] - k_p*s[l]
  if transfer == cubic
    s[l-1] = u[l]^3
  else
    s[l-1] = B[l]*u[l]
  end
end
'''

[learning]
at_end = '''
for l = 1..L
  W[l] += eta*s[l]*h[l-1]'
end
'''
)";

/// Layers of one size, so that every choice of the circuit fits.
std::string five() { return changed("layers = [6, 5, 4]", "layers = [5, 5, 5]"); }

/// The circuit beside a configuration.
struct Files {
  TemporaryFolder folder;
  explicit Files(const std::string& text = circuit) { write("own.toml", text); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  [[nodiscard]] Config load(const std::string& text, const std::vector<std::string>& sets = {}) const {
    return parse_config(text, folder / "test.toml", sets, {}, {}, test_registry());
  }
  [[nodiscard]] ConfigError::Data fault(const std::string& text, const std::vector<std::string>& sets = {}) const {
    try {
      static_cast<void>(load(text, sets));
    } catch (const ConfigError& error) {
      INFO(error.what());
      return error.data();
    }
    FAIL("accepted:\n" << text);
    return {};
  }
};

std::string with_model(const std::string& keys, const std::string& text = five()) {
  return text + "\n[[model]]\nname = \"own\"\n" + keys + "\n";
}

std::string own() { return with_model("circuit = \"own.toml\""); }

}  // namespace

TEST_CASE("a model's circuit is a file beside the configuration, expanded for the network") {
  const Files files;
  const Config config = files.load(own());
  const ModelConfig& model = config.models.back();
  CHECK(model.credit.empty());
  CHECK(model.circuit == "own.toml");
  CHECK(model.circuit_text == circuit);
  REQUIRE(model.description);
  const auto expected = equations::expand(
      read_circuit_file(circuit, "own.toml"),
      {.layers = {5, 5, 5}, .rates = {"linear", "tanh", "linear"}, .bias = false, .parameters = model.parameters});
  CHECK(*model.description == expected);
  CHECK(model.parameters.real("k_p") == 1.5);
  CHECK(model.parameters.real("tau_u") == 2.0);
  CHECK(model.parameters.text("transfer") == "linear");
  CHECK_FALSE(model.parameters.flag("fast"));
  CHECK(config.notes.empty());
}

TEST_CASE("the circuits that come with dynvert are found by their names") {
  const Files files;
  for (const char* name : {"backprop", "concurrent_inversion", "deep_feedback_control", "equilibrium_propagation",
                           "feedback_alignment", "repeat_inversion", "sequential_inversion", "single_loop_inversion"}) {
    INFO(name);
    const Config config = files.load(with_model(fmt::format("circuit = \"{}.toml\"", name)));
    CHECK_FALSE(config.models.back().description->rules.empty());
    CHECK(files.load(config.resolved) == [&] {
      Config same = config;
      same.source = files.folder / "test.toml";
      return same;
    }());
  }
  // a user's file comes first
  files.write("backprop.toml", circuit);
  CHECK(files.load(with_model("circuit = \"backprop.toml\"")).models.back().circuit_text == circuit);
  const auto missing = files.fault(with_model("circuit = \"backprob.toml\""));
  CHECK_THAT(missing.fault, Contains("there is no file"));
  CHECK(missing.nearest == "backprop.toml");
  CHECK_THAT(missing.allowed, Contains("sequential_inversion.toml"));
  CHECK(files.fault(with_model("circuit = \"repeat_inversion\"")).nearest == "repeat_inversion.toml");
}

TEST_CASE("a model has a credit or a circuit") {
  const Files files;
  CHECK_THAT(files.fault(with_model("circuit = \"own.toml\"\ncredit = \"backprop\"")).fault,
             Contains("is given together with credit"));
  const auto neither = files.fault(with_model("alpha = 1"));
  CHECK(neither.key == "model.own.credit");
  CHECK_THAT(neither.fault, Contains("is missing, and so is circuit"));
  CHECK(files.fault(with_model("circuit_text = \"version = 1\"")).key == "model.own.circuit");
  CHECK_THAT(files.fault(with_model("credit = \"backprop\"\ncircuit_text = \"\"")).fault,
             Contains("is given together with credit"));
  CHECK_THAT(files.fault(with_model("circuit = \"\"")).fault, Contains("is empty"));
}

TEST_CASE("parameters of a circuit are keys of its model") {
  const Files files;
  const auto set = [&](const std::string& text, const std::vector<std::string>& sets = {}) {
    return files.load(text, sets).models.back();
  };
  CHECK(set(with_model("circuit = \"own.toml\"\nk_p = 3")).parameters.real("k_p") == 3);
  const ModelConfig model = set(own(), {"model.own.k_p=2", "model.own.transfer=cubic", "model.own.fast=true"});
  CHECK(model.parameters.real("k_p") == 2);
  CHECK(model.parameters.text("transfer") == "cubic");
  CHECK(model.parameters.flag("fast"));
  // the description has them, too: cubic makes no use of B
  CHECK(model.description->find_matrix({"B", {2}}) == nullptr);
  const auto k_p = std::ranges::find(model.description->parameters, "k_p", &Parameter::name);
  CHECK(k_p->default_value == ParameterValue(2.0));

  CHECK(files.fault(own(), {"model.own.k_p=11"}).allowed == "a finite real number at least 0, at most 10");
  CHECK(files.fault(own(), {"model.own.k_p=true"}).key == "model.own.k_p");
  CHECK(files.fault(own(), {"model.own.transfer=linar"}).nearest == "linear");
  const auto unknown = files.fault(with_model("circuit = \"own.toml\"\nk_q = 1"));
  CHECK(unknown.nearest == "k_p");
  CHECK(unknown.line == line_of(with_model("circuit = \"own.toml\"\nk_q = 1"), "k_q"));
  // of other models
  CHECK(files.fault(changed("alpha = 0.02", "k_p = 1", own())).unknown_key);
}

TEST_CASE("[dynamics] has defaults of parameters that are keys there") {
  const Files files;
  const auto with = [](const std::string& dynamics) {
    return changed("solver = \"rk4\"", "solver = \"rk4\"\n" + dynamics, own());
  };
  const auto tau_u = [&](const std::string& text, const std::vector<std::string>& sets = {}) {
    return files.load(text, sets).models.back().parameters.real("tau_u");
  };
  CHECK(tau_u(own()) == 2);
  CHECK(tau_u(with("tau_u = 0.5")) == 0.5);
  CHECK(tau_u(with("tau_u = 0.5"), {"model.own.tau_u=0.25"}) == 0.25);
  const Config config = files.load(with("tau_u = 0.5"));
  CHECK(files.load(config.resolved).models == config.models);
  CHECK(config.models.back().dynamics.tau_u == DynamicsConfig{}.tau_u);

  // used by this model alone
  const std::string only = changed("credit = \"sequential_inversion\"\nalpha = 0.02", "credit = \"backprop\"", own());
  CHECK(files.load(changed("solver = \"rk4\"", "tau_u = 0.5", only)).notes.empty());
  CHECK(files.load(changed("solver = \"rk4\"", "tau_h = 0.5", only)).notes.size() == 1);

  // a choice that the file does not know
  const auto fault = files.fault(with("transfer = \"nonlinear\""));
  CHECK(fault.key == "dynamics.transfer");
  CHECK(fault.line == line_of(with("transfer = \"nonlinear\""), "transfer ="));
  CHECK_THAT(fault.fault, Contains("no value of that parameter of model.own, circuit = \"own.toml\""));
  CHECK_THAT(fault.allowed, Contains("linear, cubic; model.own.transfer takes its place"));
  CHECK(files.load(with("transfer = \"nonlinear\""), {"model.own.transfer=cubic"})
            .models.back()
            .parameters.text("transfer") == "cubic");
}

TEST_CASE("keys of [dynamics] and [feedback] apply to a circuit as it makes use of them") {
  const Files files;
  const auto unused = [&](const std::string& keys, const std::string& reason = "does not apply with circuit = \"") {
    const auto fault = files.fault(with_model(keys));
    INFO(fault.key);
    CHECK_THAT(fault.fault, Contains(reason));
  };
  for (const char* key : {"alpha = 1.0", "tau_h = 1.0", "tau_w = 1.0", "forward = \"dynamic\"",
                          "forward_duration = 1.0", "plasticity = \"continuous\"", "phases = []"})
    unused(fmt::format("circuit = \"own.toml\"\n{}", key));
  const ModelConfig model =
      files
          .load(with_model("circuit = \"own.toml\"\nsolver = \"dopri5\"\nrtol = 1e-7\nduration = 5\non_divergence = "
                           "\"skip\"\nmax_steps = 77\nfeedback = { kind = \"random\", half_width = 0.3 }"))
          .models.back();
  CHECK(model.dynamics.solver == "dopri5");
  CHECK(model.dynamics.rtol == 1e-7);
  CHECK(model.dynamics.max_steps == 77);
  CHECK(model.feedback.kind == "random");
  unused("circuit = \"own.toml\"\nrtol = 1e-7", "does not apply with solver = \"rk4\"");

  // what moves nothing has no dynamics, what has no B no feedback
  unused("circuit = \"backprop.toml\"\ndt = 0.1");
  unused("circuit = \"backprop.toml\"\nfeedback = { gain = 2.0 }");
  unused("circuit = \"feedback_alignment.toml\"\ndt = 0.1");
  CHECK_NOTHROW(files.load(with_model("circuit = \"feedback_alignment.toml\"\nfeedback = { kind = \"random\" }")));
  unused("circuit = \"feedback_alignment.toml\"\nfeedback = { kind = \"optimised\" }",
         "\"optimised\" does not apply with circuit = \"feedback_alignment.toml\" of model.own");

  files.write("taken.toml", "version = 1\n[parameters]\nsolver = 1.0\n[circuit]\nequations = \"h = input\"\n");
  CHECK_THAT(files.fault(with_model("circuit = \"taken.toml\"")).fault,
             Contains("declares the parameter solver, which is a key of [[model]]"));
}

TEST_CASE("the resolved text holds the circuit and is complete") {
  const Files files(changed("k_p*s[l]\n", "k_p*s[l]\r\n", circuit) + "# \"\"\" '''' \\u0041 \"\"\"\"\t\"");
  const Config config = files.load(own(), {"model.own.k_p=2"});
  CHECK(config.models.back().circuit_text.find('\r') == std::string::npos);
  CHECK_THAT(config.resolved, Contains("circuit = \"own.toml\"\ncircuit_text = \"\"\"\nversion = 1\n") &&
                                  Contains("  tau_u du[l]/dt = -u[l] - k_p*s[l]\n") && Contains("k_p = 2.0\n"));
  // where there is no file
  Config again = parse_config(config.resolved, "/nowhere/run.h5", {}, {}, {}, test_registry());
  CHECK(again.resolved == config.resolved);
  again.source = config.source;
  CHECK(again == config);
  const Config changed_again = parse_config(config.resolved, "/nowhere/run.h5",
                                            std::vector<std::string>{"model.own.k_p=4"}, {}, {}, test_registry());
  CHECK(changed_again.models.back().parameters.real("k_p") == 4);
}

TEST_CASE("faults of a circuit have the place in its file") {
  const Files files(changed("- k_p*s[l]", "- k_p*z[l]", circuit));
  const auto what = [&](const std::string& text) {
    try {
      static_cast<void>(files.load(text));
    } catch (const equations::EquationError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(what(own()), Contains("own.toml:18:32: unknown name z[2]"));
  const std::string text =
      "circuit = \"x.toml\"\ncircuit_text = \"\"\"\nversion = 1\n[circuit]\nequations = 'x = y'\n\"\"\"";
  CHECK_THAT(what(with_model(text)), Contains("test.toml: model.own.circuit_text:3:18: unknown name y"));
  files.write("own.toml", "version = 2\n");
  const auto fault = files.fault(own());
  CHECK(fault.file == files.folder / "own.toml");
  CHECK(fault.line == 1);
  CHECK(fault.key == "version");
}

TEST_CASE("record.populations knows the populations of circuits") {
  const Files files;
  const auto recording = [](const std::string& names) {
    return changed("trials = [0, 99]", "trials = [0, 99]\npopulations = [" + names + "]", own());
  };
  CHECK_NOTHROW(files.load(recording("\"u_2\", \"s_1\", \"drive_1\", \"target\", \"delta_1\"")));
  CHECK(files.fault(recording("\"drive_3\"")).nearest == "drive_1");
  // without named models theirs are unknown
  std::string alone = recording("\"delta_1\"");
  alone.erase(alone.find("[[model]]\nname = \"BP\""),
              alone.find("[[model]]\nname = \"own\"") - alone.find("[[model]]\nname = \"BP\""));
  CHECK(files.fault(alone).allowed == "drive_1, h_0, h_1, h_2, input, s_1, s_2, target, u_2");
}

TEST_CASE("phases of a circuit last a whole number of steps") {
  const std::string phases = R"(
[[phase]]
name = "first"
duration = "tau_u"
[[phase]]
name = "second"
duration = "2*tau_u + dt"
[[phase]]
name = "third"
)";
  const Files files(circuit + phases);
  const auto fault = [&](const std::string& keys) {
    return files.fault(with_model("circuit = \"own.toml\"\ndt = 0.5\n" + keys));
  };
  CHECK_NOTHROW(files.load(with_model("circuit = \"own.toml\"\ndt = 0.5\nduration = 7.5")));
  CHECK_NOTHROW(files.load(with_model("circuit = \"own.toml\"\nsolver = \"dopri5\"\nduration = 7.3")));
  CHECK(fault("tau_u = 1.3").key == "model.own.tau_u");
  CHECK_THAT(fault("tau_u = 1.3").fault, Contains("phase \"first\" of length 1.3 is not a whole number of steps"));
  CHECK(fault("duration = 7.3").key == "model.own.duration");
  CHECK_THAT(fault("duration = 7.3").fault, StartsWith("duration = 7.3 is not a whole number of steps"));
  CHECK_THAT(fault("tau_u = 0.75").fault, Contains("phase \"first\""));
  CHECK_THAT(files.fault(with_model("circuit = \"own.toml\"\ndt = 0.75\ntau_u = 0.375\nduration = 7.5")).fault,
             Contains("phase \"first\""));
}
