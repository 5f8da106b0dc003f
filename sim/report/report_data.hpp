#pragma once

/// What `dynvert report` shows of a file, as values: read from the file in pieces, and downsampled so that a page of a
/// bounded size can hold it. How it is written down is report_page.hpp's.

#include <dynvert/sim/inspect/inspect.hpp>
#include <dynvert/sim/inspect/recorded_trial.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

/// The most that a page holds.
struct ReportLimits {
  std::size_t bytes = 10'000'000;   ///< of columns of numbers, as they are written
  std::size_t curve_points = 4000;  ///< of a learning curve
  std::size_t samples = 2000;       ///< of a population in one trial
  std::size_t units = 32;           ///< of a population: evenly spaced ones
};

/// One recorded quantity against the trials.
struct ReportCurve {
  std::string model, group, name, units, description;
  std::string against;   ///< name of the row dimension: "trial", "evaluation"
  std::string legend;    ///< of a flag
  std::size_t rows = 0;  ///< in the file
  std::vector<double> x, y;
};

/// One population in one trial.
struct ReportPopulation {
  std::string name, role, description;
  std::size_t units = 0;            ///< in the file
  std::size_t samples = 0;          ///< in the file
  std::vector<std::string> labels;  ///< of the units shown
  std::vector<double> time;
  std::vector<double> values;            ///< labels x time: one unit after the other
  std::vector<double> rates = {};        ///< likewise, of a circuit's population whose rate is not its state
  std::vector<double> fixed_point = {};  ///< of the labels, of a circuit's population
};

/// The spectrum of a loop; equal eigenvalues are given once.
struct ReportSpectrum {
  std::size_t snapshot = 0;  ///< trials done when its weights were recorded
  bool exact = false;        ///< its weights are those of the trial
  std::vector<std::complex<double>> values;
  std::vector<std::size_t> count;  ///< how often each occurs
  std::vector<double> stability;   ///< of stability_measures(), in their order
};

/// A control loop, or a user-defined circuit, whose residual is its distance from the fixed point.
struct ReportLoop {
  std::size_t number = 0;
  bool is_circuit = false;
  std::optional<RecordedTrial::Way> way;  ///< nothing: no residual, and `residual_missing` says why
  std::string residual_missing;
  std::vector<double> time, residual;
  std::optional<ReportSpectrum> spectrum;
  std::string spectrum_missing;
};

/// A time at which something happened to a loop.
struct ReportMark {
  std::size_t loop = 0;
  double time = 0;
  std::string text;  ///< "settled"
};

/// One recorded trial.
struct ReportTrial {
  std::size_t trial = 0;
  std::optional<std::int64_t> converged;
  std::vector<std::pair<std::string, double>> measures;  ///< what the file has of it, beside trajectories
  std::vector<ReportMark> marks;                         ///< of its transient
  std::vector<ReportPopulation> populations;
  std::vector<ReportLoop> loops;
};

struct ReportModel {
  ModelSummary summary;
  std::vector<std::pair<std::string, std::string>> parameters = {};  ///< in which the models differ
  std::size_t records = 0;                                           ///< trials with trajectories in the file
  std::vector<ReportTrial> trials;
};

struct ReportData {
  std::string file, title, version, created, status;
  bool complete = false;
  std::int64_t trials_committed = 0;
  std::vector<ReportModel> models;
  std::vector<ReportCurve> curves;
  std::vector<std::string> notes;  ///< what could not be read or computed, for people
};

/// @throws IoError  the file cannot be read at all; what of it cannot be read is left out, and a note says so
[[nodiscard]] ReportData read_report(const RunReader& file, const ReportLimits& limits);

// Its parts.

/// What numbers take on the page: 4 bytes each, and a third more as base64.
[[nodiscard]] constexpr std::size_t page_bytes(std::size_t numbers) { return numbers * 16 / 3; }

/// A one-dimensional dataset of a model and the row dimension that it is over ("trial"), of any group but weights and
/// traces.
struct ReportColumn {
  std::string group, name, against;
};
[[nodiscard]] std::vector<ReportColumn> report_columns(const RunReader& file, const std::string& model);

/// Every one-dimensional dataset of a model's groups, but of weights and traces.
/// @param points  the most of each
[[nodiscard]] std::vector<ReportCurve> read_curves(const RunReader& file, const std::string& model, std::size_t points);

/// The recorded trials of a model; evenly spaced ones where not all fit.
/// @param config  nullptr: populations only
/// @param bytes   the most that they take
[[nodiscard]] std::vector<ReportTrial> read_trials(const RunReader& file, const Config* config,
                                                   const std::string& model, const ReportLimits& limits,
                                                   std::size_t bytes, std::vector<std::string>& notes);

/// `count` numbers of 0 .. n - 1, evenly spaced, the first and the last among them; all where n is not larger.
[[nodiscard]] std::vector<std::size_t> evenly_spaced(std::size_t n, std::size_t count);

}  // namespace dynvert
