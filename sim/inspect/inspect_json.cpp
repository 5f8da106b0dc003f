// dynvert inspect --json.

#include <dynvert/sim/inspect/inspect_print.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const LoopStability& s) {
  Json json{
      {"loop", s.loop}, {"controller", s.controller}, {"linear", s.linear}, {"alpha", s.alpha}, {"tau_u", s.tau_u}};
  for (std::size_t i = 0; i < s.values.size(); ++i) json[stability_measures()[i].name] = json_number(s.values[i]);
  return json;
}

Json to_json(const QuantitySummary& q) {
  return {{"name", q.name},
          {"units", q.units},
          {"description", q.description},
          {"values", q.values.count},
          {"missing", q.values.missing},
          {"least", json_number(q.values.least)},
          {"median", json_number(q.values.median)},
          {"greatest", json_number(q.values.greatest)},
          {"last", json_number(q.values.last)}};
}

Json to_json(const TrialInspection& t) {
  Json json{{"snapshot", t.snapshot.trials},
            {"trials_away", t.trials_away},
            {"first_sample_of_batch", t.batch},
            {"sample_interval", t.interval > 0 ? Json(t.interval) : Json(nullptr)},
            {"diverged", t.diverged.empty() ? Json(nullptr) : Json(t.diverged)},
            {"measures", Json::object()},
            {"loops", Json::array()},
            {"findings", to_json(t.findings)}};
  for (const auto& [measure, l, value] : t.measures)
    json["measures"][fmt::format("{}_{}", measure->name, l)] = json_number(value);
  for (const TrialInspection::Loop& loop : t.loops) {
    Json entry = to_json(loop.stability);
    entry["converged"] = loop.no_steady_state ? Json(nullptr) : Json(loop.converged);
    entry["smallest_singular_value_W"] = json_number(loop.smallest_singular_value);
    entry["eigenvalues_WB"] = Json::array();
    for (const std::complex<double>& mu : loop.eigenvalues) entry["eigenvalues_WB"].push_back({mu.real(), mu.imag()});
    json["loops"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace

Json to_json(const InspectedModel& model) {
  const ModelSummary& m = model.summary;
  Json json{{"name", m.name},
            {"credit", m.credit},
            {"status", m.status},
            {"solver", maybe(m.solver)},
            {"feedback", maybe(m.feedback)},
            {"trials", m.trials},
            {"diverged_trials", m.diverged_trials},
            {"final_loss", json_number(m.final_loss)},
            {"final_nse", json_number(m.final_nse)},
            {"settled_fraction", json_number(m.settled_fraction)},
            {"restabilisations", maybe(m.restabilisations)}};
  for (const MeasureSummary& s : m.measures) {
    json[fmt::format("{}_{}", s.statistic(), s.measure->name)] = json_number(s.value);
  }
  for (const MeasureSummary& s : m.measures) {
    if (s.measure->summary == OverTrials::largest)
      json[fmt::format("median_{}", s.measure->name)] = json_number(s.median);
  }
  json["final"] = Json::object();
  for (const auto& [name, value] : m.final) json["final"][name] = json_number(value);
  json["parameters"] = Json::object();
  for (const auto& [key, value] : model.parameters) json["parameters"][key] = value;
  json["stability"] = Json::array();
  for (const SnapshotStability& s : model.stability) {
    Json loops = Json::array();
    for (const LoopStability& loop : s.loops) loops.push_back(to_json(loop));
    json["stability"].push_back({{"snapshot", s.snapshot}, {"loops", loops}, {"findings", to_json(s.findings)}});
  }
  if (!model.grid.empty()) {
    json["grid"] = Json::array();
    for (const GridPoint& point : model.grid) {
      Json entry{{"alpha", point.alpha},
                 {"ratio", point.ratio},
                 {"samples", point.samples},
                 {"settled_fraction", json_number(point.settled_fraction)}};
      for (const auto& [measure, median] : point.medians) entry["median_" + measure->name] = json_number(median);
      json["grid"].push_back(std::move(entry));
    }
  }
  if (!model.quantities.empty()) {
    json["quantities"] = Json::array();
    for (const QuantitySummary& q : model.quantities) json["quantities"].push_back(to_json(q));
  }
  if (model.trial) {
    Json values = Json::object();
    for (const auto& [name, value] : model.trial->values) values[name] = json_number(value);
    Json evaluation = Json::object();
    for (const auto& [name, value] : model.trial->evaluation) evaluation[name] = json_number(value);
    json["trial"] = {{"trial", model.trial->trial},
                     {"values", values},
                     {"evaluated_after", evaluation.empty() ? Json(nullptr) : Json(model.trial->evaluated)},
                     {"evaluation", evaluation},
                     {"record", maybe(model.trial->record)},
                     {"computed", model.computed ? to_json(*model.computed) : Json(nullptr)}};
    if (model.circuit) json["trial"]["circuit"] = to_json(*model.circuit);
  }
  if (model.fixed_points) json["fixed_points"] = to_json(*model.fixed_points);
  json["not_computed"] = model.not_computed.empty() ? Json(nullptr) : Json(model.not_computed);
  return json;
}

}  // namespace dynvert
