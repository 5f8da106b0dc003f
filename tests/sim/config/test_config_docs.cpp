// docs/configuration.md: its tables are the program's, and its examples load.

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/reference.hpp>
#include <dynvert/sim/registry.hpp>
#include "support/text_files.hpp"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <map>
#include <string>

using namespace dynvert;

namespace {

std::string read_page() { return test::contents(std::string(DYNVERT_SOURCE_DIR) + "/docs/configuration.md"); }

}  // namespace

TEST_CASE("the tables of docs/configuration.md are those of the program") {
  const auto page = read_page();
  REQUIRE_FALSE(page.empty());
  INFO("dynvert keys --markdown --update docs/configuration.md writes the tables anew");
  CHECK(with_key_tables(config_registry(), page) == page);
}

TEST_CASE("the examples in docs/configuration.md load") {
  const auto page = read_page();
  const std::string fence = "```toml\n";
  std::size_t examples = 0;
  for (auto at = page.find(fence); at != std::string::npos; at = page.find(fence, at + 1)) {
    const auto begin = at + fence.size();
    std::string text = page.substr(begin, page.find("```", begin) - begin);
    // an example of one table stands on the smallest configuration: tables that it does not show come from there
    const std::map<std::string, std::string> rest{{"[experiment]", "trials = 500"},
                                                  {"[task]", "kind = \"linear_teacher\""},
                                                  {"[network]", "layers = [30, 20, 10]"},
                                                  {"[learning]", "rate = 1e-2"},
                                                  {"[[model]]", "name = \"DI\"\ncredit = \"sequential_inversion\""}};
    const bool circuit = text.find("[[population]]") != std::string::npos;
    const bool learns = !circuit && text.find("[inversion]") == std::string::npos;
    for (const auto& [table, keys] : rest) {
      const bool belongs = learns || (!circuit && (table == "[network]" || table == "[[model]]"));
      if (belongs && text.find(table) == std::string::npos) text += fmt::format("\n{}\n{}\n", table, keys);
    }
    INFO(text);
    CHECK_NOTHROW(parse_config(text, "page.toml", {}, {}, {}, config_registry()));
    ++examples;
  }
  CHECK(examples > 3);
}
