// From a node of the TOML tree to a checked value.

#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/toml_tree.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace dynvert {

namespace {

constexpr std::size_t max_tables = 1000;      // of a list
constexpr std::size_t longest_list = 10'000;  // names; each is compared with each

class ValueReader {
 public:
  ValueReader(const Key& spec, const std::string& key, const std::string& file) : spec_(spec), key_(key), file_(file) {}

  /// A key without a value, as one that is a table: others read it.
  void read(const toml::node&, std::monostate) const {}

  void read(const toml::node& node, const ParameterSlot& slot) const {
    std::visit(
        [&](auto value) {
          read(node, &value);
          slot.values->set(slot.parameter->name, std::move(value));
        },
        slot.parameter->default_value);
  }

  void read(const toml::node& node, bool* value) const {
    const auto* v = node.as_boolean();
    if (v == nullptr) wrong_type(node, "a boolean");
    *value = v->get();
  }

  void read(const toml::node& node, std::size_t* value) const { *value = static_cast<std::size_t>(integer(node)); }
  void read(const toml::node& node, std::int64_t* value) const { *value = integer(node); }
  void read(const toml::node& node, int* value) const { *value = static_cast<int>(integer(node)); }

  void read(const toml::node& node, double* value) const {
    if (!node.is_number()) wrong_type(node, "a real number");
    const double x = *node.value<double>();
    const Range& range = spec_.range;
    const bool inside = std::isfinite(x) && (range.min_excluded ? x > range.min : x >= range.min) &&
                        (range.max_excluded ? x < range.max : x <= range.max);
    const auto allowed = allowed_text(spec_);
    const bool bounded = spec_.allowed.empty() && !allowed.starts_with("a finite");
    if (!inside) wrong(node, bounded ? "a finite real number " + allowed : allowed);
    *value = x;
  }

  void read(const toml::node& node, std::string* value) const {
    const auto* v = node.as_string();
    if (v == nullptr) wrong_type(node, "a string");
    const auto names = names_of(spec_);
    if (!names.empty() && std::find(names.begin(), names.end(), v->get()) == names.end())
      wrong(node, allowed_text(spec_), nearest_name(v->get(), names));
    const auto control = [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
    };
    if (std::any_of(v->get().begin(), v->get().end(), control)) wrong(node, "text without control characters");
    *value = v->get();
  }

  void read(const toml::node& node, std::vector<std::size_t>* values) const {
    const auto* list = node.as_array();
    if (list == nullptr) wrong_type(node, "a list of integers");
    values->clear();
    for (const auto& element : *list) values->push_back(static_cast<std::size_t>(integer(element)));
  }

  void read(const toml::node& node, std::vector<double>* values) const {
    values->clear();
    if (spec_.type == KeyType::real_or_reals && node.is_number()) return read(node, &values->emplace_back());
    const auto* list = node.as_array();
    if (list == nullptr)
      wrong_type(node, spec_.type == KeyType::reals ? "a list of real numbers" : "a real number or a list of them");
    for (const auto& element : *list) read(element, &values->emplace_back());
  }

  void read(const toml::node& node, std::vector<std::vector<double>>* rows) const {
    const auto* list = node.as_array();
    if (list == nullptr || list->empty()) wrong_type(node, "a list of lists of real numbers");
    rows->clear();
    for (const auto& element : *list) {
      read(element, &rows->emplace_back());
      if (rows->back().empty() || rows->back().size() != rows->front().size())
        fail(place_of(element.source(), key_, file_),
             fmt::format("row {} has {} numbers, the first row {}", rows->size(), rows->back().size(),
                         rows->front().size()),
             "", allowed_text(spec_));
    }
  }

  void read(const toml::node& node, std::vector<std::string>* values) const {
    values->clear();
    if (spec_.type == KeyType::name_or_names && node.is_string()) {
      read(node, &values->emplace_back());
      return;
    }
    const auto* list = node.as_array();
    if (list == nullptr)
      wrong_type(node, spec_.type == KeyType::name_or_names ? "a string or a list of strings" : "a list of strings");
    if (list->size() > longest_list) wrong(node, fmt::format("at most {} names", longest_list));
    for (const auto& element : *list) {
      read(element, &values->emplace_back());
      const bool repeated = std::find(values->begin(), values->end() - 1, values->back()) != values->end() - 1;
      if (repeated && spec_.type == KeyType::names)
        fail(place_of(element.source(), key_, file_), fmt::format("{} is listed twice", in_quotes(values->back())),
             values->back(), "each name once");
    }
  }

  void read(const toml::node& node, std::vector<PhaseConfig>* values) const {
    const toml::array& list = tables(node);
    values->clear();
    double end = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      end = read_phase(*list.get(i), fmt::format("{}[{}]", key_, i + 1), end, values->emplace_back());
    }
    const auto with_target = [](const PhaseConfig& p) { return p.target; };
    if (!values->empty() && std::none_of(values->begin(), values->end(), with_target))
      fail(place_of(node.source(), key_, file_), "the target is never on, so there is no error to invert", "",
           "target = true in one of the phases");
  }

  void read(const toml::node& node, std::vector<RecordedPopulation>* values) const {
    const toml::array& list = tables(node);
    values->clear();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto key = fmt::format("{}[{}]", key_, i + 1);
      RecordedPopulation& p = values->emplace_back();
      const toml::table& table = read_entry(*list.get(i), key, keys_of(p), "{ name = \"u_2\", units = [0, 5] }");
      const auto refuse = [&](std::string_view word, std::string fault, std::string allowed) {
        const toml::node* const own = table.get(word);
        fail(place_of((own != nullptr ? own : &node)->source(), fmt::format("{}.{}", key, word), file_),
             std::move(fault), "", std::move(allowed));
      };
      if (p.name.empty()) refuse("name", "is missing", "the name of a population");
      if (std::ranges::count(*values, p.name, &RecordedPopulation::name) > 1)
        refuse("name", in_quotes(p.name) + " is listed twice", "one entry for each population");
      if (!std::ranges::is_sorted(p.units, std::ranges::less_equal()))
        refuse("units", "are not in ascending order, each once", "as in [0, 5]");
      if (p.units.empty() && p.interval == 0)
        refuse("name", in_quotes(p.name) + " is recorded as if it had no entry", "units, interval or both");
    }
  }

 private:
  [[nodiscard]] const toml::array& tables(const toml::node& node) const {
    const auto* list = node.as_array();
    if (list == nullptr) wrong_type(node, "a list of tables");
    if (list->size() > max_tables) wrong(node, fmt::format("at most {} tables", max_tables));
    return *list;
  }

  /// The keys of a table in a list. @param example  a table as it may be
  const toml::table& read_entry(const toml::node& node, const std::string& key, const std::vector<Key>& keys,
                                std::string_view example) const {
    const auto* table = node.as_table();
    if (table == nullptr)
      fail(place_of(node.source(), key, file_), "found " + describe(node), describe(node),
           fmt::format("a table, as in {}", example));
    for (const auto& [name, value] : *table) {
      const auto own = fmt::format("{}.{}", key, name.str());
      if (const Key* known = find_key(keys, name.str())) {
        read_value(*known, value, own, file_);
        continue;
      }
      std::vector<std::string> names;
      for (const Key& known : keys) names.emplace_back(known.name);
      fail(place_of(name.source(), own, file_), "unknown key", std::string(name.str()),
           fmt::format("{}", fmt::join(names, ", ")), nearest_name(std::string(name.str()), names));
    }
    return *table;
  }

  /// @param before  the end of the phase before, @return the end of this one
  [[nodiscard]] double read_phase(const toml::node& node, const std::string& key, double before,
                                  PhaseConfig& phase) const {
    phase.start = before;
    const toml::table& table = read_entry(node, key, keys_of(phase), "{ duration = 50, stimulus = true }");
    if (!table.contains("duration"))
      fail(place_of(node.source(), key + ".duration", file_), "is missing", "", "a finite real number above 0");
    if (phase.start < before)
      fail(place_of(table.get("start")->source(), key + ".start", file_),
           fmt::format("found {}, but the phase before ends at {}: they overlap", phase.start, before), "",
           fmt::format("at least {}, or leave it out", before));
    return phase.start + phase.duration;
  }

  [[nodiscard]] std::int64_t integer(const toml::node& node) const {
    const auto* v = node.as_integer();
    if (v == nullptr) wrong_type(node, "an integer");
    if (v->get() < spec_.range.min_integer || v->get() > spec_.range.max_integer)
      wrong(node, fmt::format("{} to {}", spec_.range.min_integer, spec_.range.max_integer));
    return v->get();
  }

  [[noreturn]] void wrong(const toml::node& node, std::string allowed, std::string nearest = "") const {
    fail(place_of(node.source(), key_, file_), "found " + describe(node), describe(node), std::move(allowed),
         std::move(nearest));
  }

  [[noreturn]] void wrong_type(const toml::node& node, const std::string& type) const {
    const auto allowed = allowed_text(spec_);
    wrong(node, allowed.empty() ? type : fmt::format("{}: {}", type, allowed));
  }

  const Key& spec_;
  const std::string& key_;
  const std::string& file_;
};

}  // namespace

void read_value(const Key& key, const toml::node& node, const std::string& name, const std::string& file) {
  const ValueReader reader(key, name, file);
  std::visit([&](const auto& value) { reader.read(node, value); }, key.slot);
}

}  // namespace dynvert
