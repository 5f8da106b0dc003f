#pragma once

/// The two ways to print what inspect.hpp says: tables for people, JSON for programs.

#include <dynvert/sim/inspect/inspect.hpp>
#include <dynvert/sim/inspect/recorded_circuit.hpp>
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
  std::optional<CircuitTrial> circuit;      ///< that trial, of a user-defined circuit
  std::optional<FixedPoints> fixed_points;  ///< of its trials
  std::string not_computed;  ///< why something of this is not there although it should be; empty: nothing is missing
};

void print_overview(std::ostream& out, const std::vector<InspectedModel>& models);
void print_model(std::ostream& out, const InspectedModel& model);
void print_trial(std::ostream& out, const InspectedModel& model);

[[nodiscard]] nlohmann::ordered_json to_json(const InspectedModel& model);

// Of user-defined circuits (inspect_circuit.cpp).
void print_circuit_trial(std::ostream& out, const CircuitTrial& trial, double band);
void print_fixed_points(std::ostream& out, const FixedPoints& points, std::size_t trials);
[[nodiscard]] nlohmann::ordered_json to_json(const CircuitTrial& trial);
[[nodiscard]] nlohmann::ordered_json to_json(const FixedPoints& points);

// Of tables and JSON.
/// Columns as wide as their widest cell; the first flush left, the others right.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows);
[[nodiscard]] std::string cell(const std::optional<double>& value, const char* format = "{:.4g}");
/// "-3.2, -0.5+0.1i and 7 more"
[[nodiscard]] std::string eigenvalues_text(const std::vector<std::complex<double>>& values);
void print_findings(std::ostream& out, const std::vector<std::pair<std::string, Finding>>& findings,
                    const char* title = "unstable, or close to instability:");
/// JSON has neither NaN nor infinity: null, and for what may be infinite the word.
[[nodiscard]] nlohmann::ordered_json json_number(const std::optional<double>& value);
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<Finding>& findings);

}  // namespace dynvert
