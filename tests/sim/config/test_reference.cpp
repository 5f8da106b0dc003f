// The reference of keys: what `dynvert keys` prints, what pages are filled with, and what a shell completes.

#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/reference.hpp>
#include <dynvert/sim/registry.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "support/config_registry.hpp"

using namespace dynvert;
using Catch::Matchers::Contains;

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

TEST_CASE("a key is explained with its type, default, range, units and what it applies to") {
  const auto registry = config_registry();
  const auto rtol = keys_text(registry, "dynamics.rtol");
  CHECK_THAT(rtol, Contains("dynamics.rtol\n  Relative tolerance"));
  CHECK_THAT(rtol,
             Contains("type     real\n") && Contains("default  1e-06\n") && Contains("allowed  above 0, below 1\n"));
  CHECK_THAT(rtol, Contains("for      solver = dopri5, rosenbrock4\n"));
  CHECK_THAT(keys_text(registry, "dynamics.tau_u"), Contains("units") && Contains("models that learn, [inversion]"));
  CHECK_THAT(keys_text(registry, "dynamics.tau_w"),
             Contains("for      credit = concurrent_inversion; models that learn"));
  const auto solver = keys_text(registry, "dynamics.solver");
  for (const Choice& choice : registry.solvers) {
    CHECK_FALSE(choice.summary.empty());
    CHECK_THAT(solver, Contains(choice.name) && Contains(choice.summary));
  }
  // declared by the teachers, each with its default
  CHECK_THAT(keys_text(registry, "task.teacher_half_width"),
             Contains("1.0; tanh_teacher: 0.01") && Contains("kind = linear_teacher, tanh_teacher"));
  CHECK_THAT(keys_text(registry, "task.samples"),
             Contains("mnist_autoencoder: 60000") && Contains("dataset: all in the file"));
  // a key that is a table, and the table
  CHECK_THAT(keys_text(registry, "network.init"), Contains("network.init\n") && Contains("network.init.half_width"));
  for (const std::string& name : reference_names(registry)) CHECK_THAT(keys_text(registry, ""), Contains(name));
}

TEST_CASE("every part of the program has a summary") {
  const auto r = config_registry();
  for (const auto* parts : {&r.tasks, &r.credits, &r.solvers, &r.feedback_kinds, &r.inits, &r.error_signals,
                            &r.projections, &r.transmissions, &r.inputs, &r.transfers, &r.outputs, &r.measures})
    for (const Choice& part : *parts) {
      INFO(part.name);
      CHECK_FALSE(part.summary.empty());
    }
}

TEST_CASE("unknown tables and keys name the nearest") {
  const auto registry = config_registry();
  const auto nearest = [&](const std::string& name) {
    try {
      static_cast<void>(keys_text(registry, name));
    } catch (const ConfigError& error) {
      return error.data().nearest;
    }
    return std::string("accepted");
  };
  CHECK(nearest("dynamic") == "dynamics");
  CHECK(nearest("dynamics.sovler") == "dynamics.solver");
  CHECK(nearest("settle_tolerance") == "dynamics.settle_tolerance");
  CHECK(nearest("zzzzzzzz").empty());
}

TEST_CASE("a page is filled between its markers, and only there") {
  const auto registry = test_registry();
  const auto all = keys_markdown(registry, "");
  CHECK(with_key_tables(registry, "before\n" + all + "after\n") == "before\n" + all + "after\n");
  auto stale = all;
  const auto at = stale.find("| `solver`");
  REQUIRE(at != std::string::npos);
  stale.insert(at, "| old |\n");
  CHECK(with_key_tables(registry, stale) == all);
  CHECK_THROWS_WITH(with_key_tables(registry, "<!-- keys: dynamics -->\n"), Contains("does not end"));
  CHECK_THROWS_WITH(with_key_tables(registry, "nothing"), Contains("no place for its table"));
  CHECK_THROWS_WITH(with_key_tables(registry, "<!-- keys: dynamic -->\n<!-- end -->"),
                    Contains("did you mean \"dynamics\"?"));
}

TEST_CASE("a shell completes the keys of --set and their names") {
  const auto registry = test_registry();
  const std::string text = "[[model]]\nname = \"DI\"\n[[population]]\nname = \"E\"\n[[input]]\npopulation = \"E\"\n";
  const auto names = settable_keys(registry, text);
  for (const char* name : {"dynamics.solver", "network.init.kind", "task.teacher_half_width", "model.DI.alpha",
                           "model.DI.solver", "model.DI.feedback.gain", "population.E.tau", "input.E_step.amplitude"})
    CHECK(has(names, name));
  for (const char* name : {"model.alpha", "input.amplitude", "network.init"}) CHECK_FALSE(has(names, name));
  CHECK(has(settable_keys(registry, "no TOML ["), "dynamics.dt"));
  CHECK(has(settable_values(registry, "model.DI.solver"), "rk4"));
  CHECK(has(settable_values(registry, "model.DI.feedback.kind"), "random"));
  CHECK(has(settable_values(registry, "input.E_step.shape"), "sine"));
  CHECK(settable_values(registry, "network.bias") == std::vector<std::string>{"true", "false"});
  CHECK(settable_values(registry, "dynamics.dt").empty());
}
