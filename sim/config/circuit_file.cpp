#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/equations/parser.hpp>
#include <dynvert/models/equations/substitution.hpp>
#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/string_source.hpp>
#include <dynvert/sim/config/toml_tree.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace dynvert {

namespace {

using equations::CircuitText;
using equations::Expression;
using equations::Keys;
using equations::KindOfTable;
using equations::PhaseText;
using equations::Source;
using equations::Where;

class CircuitFileReader {
 public:
  CircuitFileReader(const std::string& text, const std::string& file)
      : text_(text), file_(file), tree_(parse_tree(text, file)) {}

  CircuitText read() {
    check_keys(tree_, "",
               {"version", "title", "parameters", "circuit", "source", "weights", "initial", "trial", "phase",
                "learning", "readout", "roles"});
    read_version();
    if (const auto* node = tree_.get("title")) c_.title = string(*node, "title");
    if (const auto* t = table(tree_, "parameters", "parameters"))
      for (const auto& [key, node] : ordered(*t)) read_parameter(key, *node);
    read_circuit();
    if (const auto* t = table(tree_, "source", "source"))
      for (const auto& [key, node] : ordered(*t)) c_.sources.push_back(read_source(key, *node));
    if (const auto* t = table(tree_, "weights", "weights"))
      for (const auto& [key, node] : ordered(*t)) c_.weights.push_back(read_weights(key, *node));
    read_initial();
    read_trial();
    read_phases();
    read_learning();
    read_readout();
    read_roles();
    return std::move(c_);
  }

 private:
  // --- places and types ----------------------------------------------------------------------------------------------

  [[noreturn]] void wrong(const toml::node& node, const std::string& key, const std::string& allowed,
                          const std::string& nearest = "") const {
    fail(place_of(node.source(), key, file_), "found " + describe(node), describe(node), allowed, nearest);
  }

  void check_keys(const toml::table& table, const std::string& prefix, const std::vector<std::string>& known,
                  bool tables_too = false) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (std::ranges::find(known, name) != known.end() || (tables_too && node.is_table())) continue;
      const KeyPlace place = place_of(key.source(), prefix.empty() ? name : prefix + "." + name, file_);
      throw ConfigError({.file = place.file,
                         .line = place.line,
                         .column = place.column,
                         .key = place.key,
                         .fault = "unknown key",
                         .found = name,
                         .allowed = fmt::format("{}", fmt::join(known, ", ")),
                         .nearest = nearest_name(name, known),
                         .unknown_key = true});
    }
  }

  [[nodiscard]] const toml::table* table(const toml::table& in, std::string_view key, const std::string& name) const {
    const auto* node = in.get(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) wrong(*node, name, "a table");
    return node->as_table();
  }

  [[nodiscard]] const toml::table& as_table(const toml::node& node, const std::string& key) const {
    if (!node.is_table()) wrong(node, key, "a table");
    return *node.as_table();
  }

  /// In the order of the file.
  static std::vector<std::pair<toml::key, const toml::node*>> ordered(const toml::table& table) {
    std::vector<std::pair<toml::key, const toml::node*>> entries;
    for (const auto& [key, node] : table) entries.emplace_back(key, &node);
    std::ranges::stable_sort(entries, [](const auto& a, const auto& b) {
      const auto& p = a.first.source().begin;
      const auto& q = b.first.source().begin;
      return std::pair(p.line, p.column) < std::pair(q.line, q.column);
    });
    return entries;
  }

  [[nodiscard]] std::string string(const toml::node& node, const std::string& key) const {
    if (!node.is_string()) wrong(node, key, "a string");
    return node.as_string()->get();
  }

  [[nodiscard]] std::string choice(const toml::node& node, const std::string& key,
                                   const std::vector<std::string>& choices) const {
    const std::string value = string(node, key);
    if (std::ranges::find(choices, value) == choices.end())
      wrong(node, key, fmt::format("{}", fmt::join(choices, ", ")), nearest_name(value, choices));
    return value;
  }

  [[nodiscard]] bool flag(const toml::node& node, const std::string& key) const {
    if (!node.is_boolean()) wrong(node, key, "true or false");
    return node.as_boolean()->get();
  }

  [[nodiscard]] double real(const toml::node& node, const std::string& key) const {
    const auto value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value)) wrong(node, key, "a finite number");
    return *value;
  }

  /// Where the text of a string begins, after its quotes.
  [[nodiscard]] std::shared_ptr<const Source> source(const toml::node& node, const std::string& value) const {
    return source_at(node.source().begin, value);
  }

  [[nodiscard]] std::shared_ptr<const Source> source_at(const toml::source_position& begin,
                                                        const std::string& value) const {
    return source_of_string(text_, file_, begin.line, begin.column, value);
  }

  [[nodiscard]] Expression expression(const toml::node& node, const std::string& key) const {
    if (node.is_number()) return Expression::number(real(node, key));
    if (!node.is_string()) wrong(node, key, "a number, or an expression as a string");
    return equations::parse_expression(source(node, string(node, key)));
  }

  [[nodiscard]] std::vector<Expression> names(const toml::node& node, const std::string& key) const {
    std::vector<Expression> result;
    if (node.is_string()) {
      result.push_back(equations::parse_names(source(node, string(node, key))));
      return result;
    }
    if (!node.is_array()) wrong(node, key, "a name, or a list of names");
    for (const auto& element : *node.as_array())
      result.push_back(equations::parse_names(source(element, string(element, key))));
    return result;
  }

  [[nodiscard]] std::vector<equations::Statement> statements(const toml::node& node, const std::string& key) const {
    return equations::parse_statements(source(node, string(node, key)));
  }

  [[nodiscard]] Where where(const toml::key& key) const {
    return {source_at(key.source().begin, std::string(key.str())), 0};
  }
  [[nodiscard]] Where where(const toml::node& node) const { return {source_at(node.source().begin, ""), 0}; }

  /// A value of a declared parameter.
  [[nodiscard]] ParameterValue value(const toml::node& node, const std::string& key, const Parameter& p) const {
    const auto in_range = [&](const toml::node& number) {
      const double x = real(number, key);
      const bool inside = (p.min_excluded ? x > p.min : x >= p.min) && (p.max_excluded ? x < p.max : x <= p.max);
      if (!inside) wrong(number, key, range_text(p));
      return x;
    };
    if (std::holds_alternative<bool>(p.default_value)) return flag(node, key);
    if (std::holds_alternative<double>(p.default_value)) return in_range(node);
    if (std::holds_alternative<std::string>(p.default_value))
      return p.choices.empty() ? string(node, key) : choice(node, key, p.choices);
    std::vector<double> list;
    if (node.is_number()) {
      list.push_back(in_range(node));
    } else {
      if (!node.is_array()) wrong(node, key, "a list of numbers");
      for (const auto& element : *node.as_array()) list.push_back(in_range(element));
    }
    return list;
  }

  static std::string range_text(const Parameter& p) {
    std::vector<std::string> parts;
    if (std::isfinite(p.min)) parts.push_back(fmt::format("{} {}", p.min_excluded ? "above" : "at least", p.min));
    if (std::isfinite(p.max)) parts.push_back(fmt::format("{} {}", p.max_excluded ? "below" : "at most", p.max));
    return fmt::format("{}", fmt::join(parts, ", "));
  }

  void read_values(const toml::table& table, const std::string& prefix, const std::vector<Parameter>& declared,
                   ParameterValues& values) const {
    for (const Parameter& p : declared) {
      const std::string key = prefix + "." + p.name;
      if (const auto* node = table.get(p.name))
        values.set(p.name, value(*node, key, p));
      else if (p.required)
        fail(place_of(table.source(), key, file_), "is missing", "", p.meaning);
    }
  }

  // --- tables --------------------------------------------------------------------------------------------------------

  void read_version() const {
    const auto* node = tree_.get("version");
    if (node == nullptr) fail(place_of(tree_.source(), "version", file_), "is missing", "", "version = 1");
    if (!node->is_integer() || node->as_integer()->get() != 1) wrong(*node, "version", "1");
  }

  void check_name(const toml::key& key, const std::string& prefix) const {
    const std::string name(key.str());
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto fits = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
    if (name.empty() || !is_letter(name[0]) || !std::ranges::all_of(name, fits))
      fail(place_of(key.source(), prefix, file_), "found the name " + in_quotes(name), name,
           "letters, digits and _, a letter first");
  }

  void read_parameter(const toml::key& key, const toml::node& node) {
    check_name(key, "parameters");
    Parameter p{.name = std::string(key.str())};
    const std::string prefix = "parameters." + p.name;
    if (equations::is_reserved(p.name))
      fail(place_of(key.source(), prefix, file_), "has a meaning of its own", p.name, "another name");
    const toml::node* given = &node;
    if (const auto* t = node.as_table()) {
      check_keys(*t, prefix, {"default", "min", "max", "above", "below", "choices", "units", "meaning"});
      for (const auto& [name, slot, excluded] : {std::tuple{"min", &p.min, false},
                                                 {"above", &p.min, true},
                                                 {"max", &p.max, false},
                                                 {"below", &p.max, true}}) {
        const auto* limit = t->get(name);
        if (limit == nullptr) continue;
        *slot = real(*limit, prefix + "." + name);
        (slot == &p.min ? p.min_excluded : p.max_excluded) = excluded;
      }
      if (const auto* list = t->get("choices")) {
        if (!list->is_array() || list->as_array()->empty()) wrong(*list, prefix + ".choices", "a list of strings");
        for (const auto& element : *list->as_array()) p.choices.push_back(string(element, prefix + ".choices"));
      }
      if (const auto* units = t->get("units")) p.units = string(*units, prefix + ".units");
      if (const auto* meaning = t->get("meaning")) p.meaning = string(*meaning, prefix + ".meaning");
      given = t->get("default");
      if (given == nullptr)
        fail(place_of(key.source(), prefix, file_), "has no value", "",
             "default = .., a number, a word or true or false");
    }
    if (given->is_string())
      p.default_value = std::string();
    else if (given->is_boolean())
      p.default_value = false;
    else if (!given->is_number())
      wrong(*given, prefix, "a number, a word, true or false");
    p.default_value = value(*given, prefix, p);
    c_.parameters.push_back(std::move(p));
  }

  void read_circuit() {
    const auto* t = table(tree_, "circuit", "circuit");
    if (t == nullptr) fail(place_of(tree_.source(), "circuit", file_), "is missing", "", "[circuit] with equations");
    check_keys(*t, "circuit", {"equations", "algebraic_loop"});
    if (const auto* node = t->get("algebraic_loop"))
      c_.algebraic_loop = choice(*node, "circuit.algebraic_loop", {"solve", "lag"});
    if (const auto* node = t->get("equations")) c_.equations = statements(*node, "circuit.equations");
  }

  [[nodiscard]] const KindOfTable& kind_of(const toml::table& t, const std::string& prefix,
                                           const std::vector<KindOfTable>& kinds) const {
    std::vector<std::string> known;
    for (const KindOfTable& k : kinds) known.emplace_back(k.kind);
    const auto* node = t.get("kind");
    if (node == nullptr)
      fail(place_of(t.source(), prefix + ".kind", file_), "is missing", "", fmt::format("{}", fmt::join(known, ", ")));
    const std::string kind = choice(*node, prefix + ".kind", known);
    return *std::ranges::find(kinds, kind, &KindOfTable::kind);
  }

  static std::vector<std::string> key_names(const KindOfTable& kind) {
    std::vector<std::string> names{"kind"};
    for (const Parameter& p : kind.parameters) names.push_back(p.name);
    return names;
  }

  [[nodiscard]] Keys read_source(const toml::key& key, const toml::node& node) const {
    check_name(key, "source");
    Keys keys{.name = std::string(key.str()), .where = where(key)};
    const std::string prefix = "source." + keys.name;
    const toml::table& t = as_table(node, prefix);
    const KindOfTable& kind = kind_of(t, prefix, equations::source_kinds());
    keys.kind = kind.kind;
    check_keys(t, prefix, key_names(kind));
    read_values(t, prefix, kind.parameters, keys.values);
    return keys;
  }

  [[nodiscard]] Keys read_weights(const toml::key& key, const toml::node& node) const {
    check_name(key, "weights");
    Keys keys{.name = std::string(key.str()), .where = where(key)};
    const std::string prefix = "weights." + keys.name;
    const toml::table& t = as_table(node, prefix);
    const KindOfTable& kind = kind_of(t, prefix, equations::weight_kinds());
    keys.kind = kind.kind;
    std::vector<std::string> known = key_names(kind);
    const bool has_own_key = keys.kind == "formula" || keys.kind == "product" || keys.kind == "matrix";
    if (has_own_key) {
      known.push_back(keys.kind);
      const auto* own = t.get(keys.kind);
      const std::string name = prefix + "." + keys.kind;
      if (own == nullptr)
        fail(place_of(t.source(), name, file_), "is missing", "",
             keys.kind == "matrix" ? "a list of rows" : "an expression");
      if (keys.kind == "matrix")
        keys.matrix = rows(*own, name);
      else
        keys.expression = equations::parse_expression(source(*own, string(*own, name)));
    }
    check_keys(t, prefix, known);
    read_values(t, prefix, kind.parameters, keys.values);
    return keys;
  }

  [[nodiscard]] std::vector<std::vector<double>> rows(const toml::node& node, const std::string& key) const {
    if (!node.is_array() || node.as_array()->empty()) wrong(node, key, "a list of rows");
    std::vector<std::vector<double>> matrix;
    for (const auto& row : *node.as_array()) {
      if (!row.is_array() || row.as_array()->empty()) wrong(row, key, "a list of numbers");
      auto& numbers = matrix.emplace_back();
      for (const auto& element : *row.as_array()) numbers.push_back(real(element, key));
      if (numbers.size() != matrix.front().size())
        wrong(row, key, fmt::format("{} numbers, as the first row has", matrix.front().size()));
    }
    return matrix;
  }

  void read_initial() {
    const auto* t = table(tree_, "initial", "initial");
    if (t == nullptr) return;
    for (const auto& [key, node] : ordered(*t)) {
      const std::string name(key.str());
      const std::string prefix = "initial." + name;
      equations::InitialText i{.name = equations::parse_names(source_at(key.source().begin, name)),
                               .where = where(key)};
      if (const auto* own = node->as_table()) {
        const KindOfTable& kind = kind_of(*own, prefix, equations::weight_kinds());
        if (kind.kind != "uniform" && kind.kind != "normal")
          wrong(*own->get("kind"), prefix + ".kind", "uniform, normal");
        i.kind = kind.kind;
        check_keys(*own, prefix, key_names(kind));
        read_values(*own, prefix, kind.parameters, i.values);
      } else {
        i.value = expression(*node, prefix);
      }
      c_.initial.push_back(std::move(i));
    }
  }

  void read_trial() {
    const auto* t = table(tree_, "trial", "trial");
    if (t == nullptr) return;
    check_keys(*t, "trial", {"carry", "per", "after"});
    if (const auto* node = t->get("carry")) {
      c_.trial.carry_all = node->is_string() && node->as_string()->get() == "all";
      c_.trial.where = where(*node);
      if (!c_.trial.carry_all) c_.trial.carry = names(*node, "trial.carry");
    }
    if (const auto* node = t->get("per")) c_.trial.per = choice(*node, "trial.per", {"trial", "sample"});
    if (const auto* node = t->get("after")) {
      c_.trial.after = string(*node, "trial.after");
      c_.trial.where = where(*node);
    }
  }

  void read_phases() {
    const auto* node = tree_.get("phase");
    if (node == nullptr) return;
    if (!node->is_array()) wrong(*node, "phase", "tables [[phase]]");
    for (const auto& element : *node->as_array()) {
      const std::string prefix = fmt::format("phase[{}]", c_.phases.size() + 1);
      c_.phases.push_back(read_phase(as_table(element, prefix), prefix));
    }
  }

  [[nodiscard]] PhaseText read_phase(const toml::table& t, const std::string& prefix) const {
    check_keys(t, prefix,
               {"each", "when", "name", "begin", "duration", "until_settled", "clock", "from", "moves", "hold", "set",
                "equations", "parameters", "during", "learn"});
    PhaseText p{.where = where(t)};
    const auto key = [&](const char* name) { return prefix + "." + name; };
    const auto* name = t.get("name");
    if (name == nullptr) fail(place_of(t.source(), key("name"), file_), "is missing", "", "a name for the phase");
    p.name = string(*name, key("name"));
    p.where = {source(*name, p.name), 0};
    const auto text = [&](const char* own) {
      const auto* node = t.get(own);
      return node == nullptr ? nullptr : source(*node, string(*node, key(own)));
    };
    if (const auto own = text("each")) p.each = equations::parse_range(own);
    if (const auto own = text("when")) p.when = equations::parse_condition(own);
    if (const auto* node = t.get("begin")) p.begin = expression(*node, key("begin"));
    if (const auto* node = t.get("duration")) p.duration = expression(*node, key("duration"));
    if (const auto* node = t.get("until_settled")) p.until_settled = flag(*node, key("until_settled"));
    if (const auto* node = t.get("clock")) p.clock = string(*node, key("clock"));
    if (const auto* node = t.get("from")) p.from = string(*node, key("from"));
    if (const auto* node = t.get("moves")) p.moves = names(*node, key("moves"));
    if (const auto* node = t.get("hold")) p.hold = names(*node, key("hold"));
    if (const auto* node = t.get("set")) p.set = statements(*node, key("set"));
    if (const auto* node = t.get("equations")) p.equations = statements(*node, key("equations"));
    if (const auto* node = t.get("parameters"))
      for (const auto& [parameter, value] : ordered(as_table(*node, key("parameters")))) {
        check_name(parameter, key("parameters"));
        p.parameters.emplace_back(std::string(parameter.str()), expression(*value, key("parameters")));
      }
    if (const auto* node = t.get("during")) p.during = choice(*node, key("during"), {"learning", "evaluation", "both"});
    if (const auto* node = t.get("learn")) p.learn = names(*node, key("learn"));
    return p;
  }

  void read_learning() {
    const auto* t = table(tree_, "learning", "learning");
    if (t == nullptr) return;
    std::vector<std::string> known{"at_end"};
    for (const Parameter& p : equations::update_parameters()) known.push_back(p.name);
    check_keys(*t, "learning", known, true);
    if (const auto* node = t->get("at_end")) c_.at_end = statements(*node, "learning.at_end");
    read_values(*t, "learning", equations::update_parameters(), c_.update);
    known.erase(known.begin());
    for (const auto& [key, node] : ordered(*t)) {
      const auto* own = node->as_table();
      if (own == nullptr) continue;
      check_name(key, "learning");
      const std::string prefix = "learning." + std::string(key.str());
      check_keys(*own, prefix, known);
      ParameterValues values;
      read_values(*own, prefix, equations::update_parameters(), values);
      c_.updates.emplace_back(std::string(key.str()), std::move(values));
    }
  }

  void read_readout() {
    const auto* t = table(tree_, "readout", "readout");
    if (t == nullptr) return;
    check_keys(*t, "readout", {"y", "loss", "phase", "at"});
    c_.readout.where = where(*t);
    if (const auto* node = t->get("y")) {
      const auto own = source(*node, string(*node, "readout.y"));
      c_.readout.y = equations::parse_expression(own);
      c_.readout.where = {own, 0};
    }
    if (const auto* node = t->get("loss"))
      c_.readout.loss = choice(*node, "readout.loss", {"squared", "cross_entropy"});
    if (const auto* node = t->get("phase")) c_.readout.phase = string(*node, "readout.phase");
    if (const auto* node = t->get("at")) c_.readout.at = choice(*node, "readout.at", {"end", "average"});
  }

  void read_roles() {
    const auto* t = table(tree_, "roles", "roles");
    if (t == nullptr) return;
    check_keys(*t, "roles", equations::role_names());
    for (const auto& [key, node] : ordered(*t)) c_.roles.emplace_back(std::string(key.str()), names(*node, "roles"));
  }

  const std::string& text_;
  const std::string& file_;
  toml::table tree_;
  CircuitText c_;
};

}  // namespace

CircuitText read_circuit_file(const std::string& text, const std::string& file) {
  return CircuitFileReader(text, file).read();
}

std::vector<std::string> top_tables(const std::string& text, const std::string& file) {
  std::vector<std::string> names;
  for (const auto& [key, node] : parse_tree(text, file)) names.emplace_back(key.str());
  return names;
}

}  // namespace dynvert
