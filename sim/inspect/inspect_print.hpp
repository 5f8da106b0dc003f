#pragma once

/// The two ways to print what inspect.hpp says: tables for people, JSON for programs.

#include <dynvert/sim/inspect/inspect.hpp>
#include <dynvert/sim/inspect/trial_inspection.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace dynvert {

/// What is said of a model: always a summary, the others where they were asked for and can be had.
struct InspectedModel {
  ModelSummary summary;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< in which the models of the file differ
  std::optional<Config> config;                                 ///< with what the model had in the trial
  std::optional<RecordedModel> recorded;                        ///< of that; nothing: `not_computed` says why
  std::vector<SnapshotStability> stability;
  std::vector<GridPoint> grid;  ///< of an experiment without learning: where it has several points
  std::vector<QuantitySummary> quantities;
  std::optional<TrialSummary> trial;
  std::optional<TrialInspection> computed;  ///< of that trial
  std::string not_computed;  ///< why something of this is not there although it should be; empty: nothing is missing
};

void print_overview(std::ostream& out, const std::vector<InspectedModel>& models);
void print_model(std::ostream& out, const InspectedModel& model);
void print_trial(std::ostream& out, const InspectedModel& model);

[[nodiscard]] nlohmann::ordered_json to_json(const InspectedModel& model);

}  // namespace dynvert
