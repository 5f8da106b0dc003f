// docs/configuration.md and the schema say the same, key by key, cell by cell.
//
// The page has a heading "## `[table]`" (or "[[model]]") for each table, and under it rows
// "| `key` | type | `default` | allowed | meaning |". Backquotes are typography.

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace dynvert;

namespace {

std::string read_page() {
  std::ifstream in(std::string(DYNVERT_SOURCE_DIR) + "/docs/configuration.md");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string without(std::string text, char c) {
  text.erase(std::remove(text.begin(), text.end(), c), text.end());
  return text;
}

/// "table.key" and its row, cells joined by " | ". Fails on a row twice.
std::map<std::string, std::string> documented(const std::string& page) {
  std::map<std::string, std::string> rows;
  std::istringstream lines(page);
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      table = line.starts_with("## `[") ? without(without(without(line.substr(3), '`'), '['), ']') : "";
    } else if (!table.empty() && line.starts_with("| `")) {
      REQUIRE(line.ends_with(" |"));
      auto cells = without(line.substr(2, line.size() - 4), '`');
      const auto name = table + "." + cells.substr(0, cells.find(" |"));
      INFO(name);
      CHECK(rows.emplace(name, cells).second);
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("docs/configuration.md describes every key as it is, and no other") {
  const auto page = read_page();
  REQUIRE_FALSE(page.empty());
  auto rows = documented(page);
  const auto names = vocabulary();
  for (const auto& key : config_schema()) {
    const auto name = fmt::format("{}.{}", key.table, key.name);
    const auto expected = fmt::format("{} | {} | {} | {} | {}", key.name, type_text(key.type), key.default_text,
                                      allowed_text(key, names), key.description);
    INFO(name);
    REQUIRE(rows.count(name) == 1);
    CHECK(rows[name] == expected);
    rows.erase(name);
  }
  for (const auto& [name, row] : rows) FAIL_CHECK("described, but not known to the program: " << name);
}

TEST_CASE("docs/configuration.md says what uses what") {
  // rows "| `choice` | `key`, `key` |" under a header "| `solver` | uses |"
  const auto names = vocabulary();
  const std::map<std::string, std::vector<Choice>> expected{{"solver", names.solvers},
                                                            {"feedback.kind", names.feedback_kinds},
                                                            {"credit", names.credits},
                                                            {"network.init.kind", names.inits},
                                                            {"task.kind", names.tasks},
                                                            {"inversion.signal", names.error_signals},
                                                            {"projection.kind", names.projections},
                                                            {"projection.transmits", names.transmissions},
                                                            {"input.shape", names.inputs}};
  const auto page = read_page();
  const auto from = page.find("\n## What uses what\n");
  REQUIRE(from != std::string::npos);
  std::istringstream lines(page.substr(from + 1, page.find("\n## ", from + 1) - from));
  std::map<std::string, std::vector<std::string>> rows;
  std::string chooser;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) chooser.clear();
    if (!line.starts_with("| `")) continue;
    const auto row = without(line.substr(2, line.size() - 4), '`');
    if (chooser.empty())
      chooser = row.substr(0, row.find(" |"));
    else
      rows[chooser].push_back(row);
  }
  CHECK(rows.size() == expected.size());
  for (const auto& [key, choices] : expected) {
    std::vector<std::string> wanted;
    for (const auto& choice : choices) {
      // in the order in which the tables above list the keys
      std::vector<std::string> used;
      for (const auto& known : config_schema())
        if (known.governed_by == "solver" && uses(&choice, known.name)) used.emplace_back(known.name);
      if (used.empty()) used = choice.uses;
      wanted.push_back(fmt::format("{} | {}", choice.name,
                                   used.empty() ? "none of these" : fmt::format("{}", fmt::join(used, ", "))));
    }
    INFO(key);
    CHECK(rows[key] == wanted);
  }
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
    CHECK_NOTHROW(parse_config(text, "page.toml", {}, {}, {}, vocabulary()));
    ++examples;
  }
  CHECK(examples > 3);
}
