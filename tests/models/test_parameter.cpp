// Parameters that a part declares: values, defaults, and what is refused.

#include <dynvert/models/error.hpp>
#include <dynvert/models/parameter.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace dynvert;
using Catch::Matchers::Contains;

TEST_CASE("parameters have defaults until they are set") {
  const Parameter width{.name = "width", .default_value = 0.3, .min = 0};
  const Parameter steps{.name = "steps", .default_value = 5};
  const std::vector<Parameter> declared{width, steps, {.name = "mode", .default_value = "fast"}};
  ParameterValues values;
  CHECK(values.real(width) == 0.3);
  CHECK(values.integer(steps) == 5);
  values.set("width", 0.5);
  values.set("stray", true);
  CHECK(values.real(width) == 0.5);
  values = values.restricted_to(declared);
  CHECK(values.real("width") == 0.5);
  CHECK(values.text("mode") == "fast");
  CHECK(values.find("stray") == nullptr);
  CHECK(values != ParameterValues(declared));
  values.set("width", 0.3);
  CHECK(values == ParameterValues(declared));
}

TEST_CASE("a parameter that was never declared, or is of another type, is named") {
  const ParameterValues values{{"width", 0.3}};
  CHECK_THROWS_WITH(values.real("wdith"),
                    Contains("parameter wdith") && Contains("never declared") && Contains("width"));
  CHECK_THROWS_WITH(values.integer("width"), Contains("read as integer") && Contains("real"));
}
