// dynvert inspect of a user-defined circuit: its fixed points, as text and as JSON.

#include <dynvert/sim/inspect/inspect_print.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

using Json = nlohmann::ordered_json;

/// A row for each unit. @param end  of a trial; empty: of none
void print_states(std::ostream& out, const std::vector<UnitValues>& end, const FixedPoint* point) {
  constexpr std::size_t most = 10;  // units of a population
  std::vector<std::vector<std::string>> rows{{"unit"}};
  if (!end.empty()) rows[0].emplace_back("state at the end");
  if (point != nullptr) rows[0].insert(rows[0].end(), {"fixed point", "rate there"});
  std::string more;
  const std::vector<UnitValues>& populations = point != nullptr ? point->states : end;
  for (std::size_t p = 0; p < populations.size(); ++p) {
    const auto& [name, values] = populations[p];
    for (std::size_t i = 0; i < std::min(most, values.size()); ++i) {
      auto& row = rows.emplace_back(std::vector{values.size() == 1 ? name : fmt::format("{}[{}]", name, i)});
      if (!end.empty()) row.push_back(cell(end[p].values[i]));
      if (point == nullptr) continue;
      row.push_back(cell(point->states[p].values[i]));
      row.push_back(cell(point->rates[p].values[i]));
    }
    if (values.size() > most)
      more += fmt::format("{} has {} more units; --json shows all\n", name, values.size() - most);
  }
  print_table(out, rows);
  out << more;
}

void print_stability_of(std::ostream& out, const FixedPoint& point) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < point.stability.size(); ++i) {
    const LoopMeasure& measure = stability_measures()[i];
    if (std::isnan(point.stability[i])) continue;
    rows.push_back({"  " + measure.label, cell(point.stability[i]), measure.units == "1" ? "" : measure.units});
  }
  if (!rows.empty()) print_table(out, rows);
  fmt::print(out, "  eigenvalues, the slowest first: {}\n", eigenvalues_text(point.eigenvalues));
}

std::vector<std::pair<std::string, Finding>> unprefixed(const std::vector<Finding>& findings) {
  std::vector<std::pair<std::string, Finding>> list;
  for (const Finding& finding : findings) list.emplace_back("", finding);
  return list;
}

Json to_json(const std::vector<UnitValues>& populations) {
  Json json = Json::object();
  for (const auto& [name, values] : populations) {
    json[name] = Json::array();
    for (const double value : values) json[name].push_back(json_number(value));
  }
  return json;
}

Json to_json(const FixedPoint& point) {
  Json eigenvalues = Json::array(), stability = Json::object();
  for (const std::complex<double>& value : point.eigenvalues) eigenvalues.push_back({value.real(), value.imag()});
  for (std::size_t i = 0; i < point.stability.size(); ++i) {
    if (is_of_circuit(stability_measures()[i]))
      stability[stability_measures()[i].name] = json_number(point.stability[i]);
  }
  return {{"states", to_json(point.states)},
          {"rates", to_json(point.rates)},
          {"eigenvalues", eigenvalues},
          {"stability", stability},
          {"findings", dynvert::to_json(point.findings)}};
}

}  // namespace

void print_circuit_trial(std::ostream& out, const CircuitTrial& trial, double band) {
  fmt::print(out, "\nfixed point next to the end, with the inputs that were on then");
  if (!trial.fixed_point) fmt::print(out, ": {}", trial.missing);
  fmt::print(out, "\n");
  if (trial.fixed_point || !trial.end.empty())
    print_states(out, trial.end, trial.fixed_point ? &*trial.fixed_point : nullptr);
  if (!trial.fixed_point) return;
  fmt::print(out, "\nthe circuit, linearised there\n");
  fmt::print(out, "  within {:g} % of it at the end: {}\n", 100 * band, trial.settled ? "yes" : "no");
  print_stability_of(out, *trial.fixed_point);
  print_findings(out, unprefixed(trial.fixed_point->findings));
}

void print_fixed_points(std::ostream& out, const FixedPoints& points, std::size_t trials) {
  fmt::print(out, "\nfixed points next to which trials ended, with the inputs that were on then");
  if (points.looked_at < trials) fmt::print(out, " ({} of {} trials, evenly spaced)", points.looked_at, trials);
  fmt::print(out, "\n");
  for (const CommonFixedPoint& common : points.found) {
    fmt::print(out, "\n{} trial{}, the first is trial {}\n", common.trials, common.trials == 1 ? "" : "s",
               common.first_trial);
    print_states(out, {}, &common.point);
    print_stability_of(out, common.point);
    print_findings(out, unprefixed(common.point.findings));
  }
  if (points.without > 0)
    fmt::print(out, "\n{} trial{} without: {}\n", points.without, points.without == 1 ? "" : "s", points.missing);
}

Json to_json(const CircuitTrial& trial) {
  return {{"end", to_json(trial.end)},
          {"settled", trial.fixed_point ? Json(trial.settled) : Json(nullptr)},
          {"fixed_point", trial.fixed_point ? to_json(*trial.fixed_point) : Json(nullptr)},
          {"missing", trial.missing.empty() ? Json(nullptr) : Json(trial.missing)}};
}

Json to_json(const FixedPoints& points) {
  Json found = Json::array();
  for (const CommonFixedPoint& common : points.found) {
    Json entry{{"trials", common.trials}, {"first_trial", common.first_trial}};
    entry.update(to_json(common.point));
    found.push_back(std::move(entry));
  }
  return {{"trials_looked_at", points.looked_at},
          {"without", points.without},
          {"missing", points.missing.empty() ? Json(nullptr) : Json(points.missing)},
          {"found", found}};
}

}  // namespace dynvert
