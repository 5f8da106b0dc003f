// dynvert inspect: what its texts have in common.

#include <dynvert/sim/inspect/inspect_print.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  for (const auto& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], width[0]);
    for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:>{}}", row[c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out, "{}\n", line);
  }
}

std::string cell(const std::optional<double>& value, const char* format) {
  if (!value || std::isnan(*value)) return "-";
  if (std::isinf(*value)) return *value > 0 ? "any" : "-";
  return fmt::format(fmt::runtime(format), *value);
}

void print_findings(std::ostream& out, const std::vector<std::pair<std::string, Finding>>& findings,
                    const char* title) {
  if (findings.empty()) return;
  fmt::print(out, "\n{}\n", title);
  for (const auto& [where, finding] : findings) {
    fmt::print(out, "  {}{}{}\n", where, finding.unstable ? "! " : "", finding.text);
  }
}

std::string eigenvalues_text(const std::vector<std::complex<double>>& values) {
  constexpr std::size_t most = 5;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(most, values.size()); ++i) {
    const std::complex<double> mu = values[i];
    texts.push_back(std::abs(mu.imag()) <= 1e-9 * std::abs(mu) ? fmt::format("{:.3g}", mu.real())
                                                               : fmt::format("{:.3g}{:+.3g}i", mu.real(), mu.imag()));
  }
  const std::string more = values.size() > most ? fmt::format(" and {} more", values.size() - most) : "";
  return fmt::format("{}{}", fmt::join(texts, ", "), more);
}

nlohmann::ordered_json json_number(const std::optional<double>& value) {
  if (!value || std::isnan(*value)) return nullptr;
  if (std::isinf(*value)) return *value > 0 ? "infinite" : "-infinite";
  return *value;
}

nlohmann::ordered_json to_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& f : findings) list.push_back({{"unstable", f.unstable}, {"text", f.text}});
  return list;
}

}  // namespace dynvert
