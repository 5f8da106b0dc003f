#pragma once

/// The index of a sweep, DIR/sweep.csv: a line a point, in the order of the points, and the header
///
///     file, a column a swept key, seed, status, trials, train_loss_NAME and so on for each model that learns
///
/// Values of keys are TOML, as typed. What is not known is empty.

#include <dynvert/sim/sweep/points.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

inline constexpr const char* sweep_index_name = "sweep.csv";
/// What every index begins with.
inline constexpr std::string_view sweep_index_signature = "file,";

enum class PointStatus {
  not_run,
  complete,
  interrupted,  ///< begun, and stopped before its end; or not at its end yet
  diverged,
  failed
};

/// "not run", "complete", ..
[[nodiscard]] const char* status_text(PointStatus status);

struct PointState {
  PointStatus status = PointStatus::not_run;
  std::int64_t trials = 0;                          ///< that its file can be trusted up to
  std::vector<std::optional<double>> results = {};  ///< of the sweep's results; empty: none is known

  bool operator==(const PointState&) const = default;
};

/// What the last evaluation of a model gives.
struct SweepResult {
  std::string model;
  std::string dataset;  ///< "train_loss", "test_accuracy": of /models/NAME/eval

  auto operator<=>(const SweepResult&) const = default;
};

struct SweepTable {
  std::vector<SweepAxis> axes;
  std::vector<SweepPoint> points;
  std::vector<std::int64_t> seeds;   ///< of each point
  std::vector<std::int64_t> trials;  ///< likewise: when it is complete
  std::vector<SweepResult> results;  ///< of the models that learn, of all points
};

[[nodiscard]] std::string index_text(const SweepTable& table, const std::vector<PointState>& states);

/// Whether a sweep must have the points that an index has, or may have more.
enum class Points { same, more };

/// In what the sweep that an index is of differs from this one, in words for a message; empty: it does not.
/// @throws IoError naming `path`  the text is no index
[[nodiscard]] std::string index_difference(std::string_view text, const std::string& path, const SweepTable& table,
                                           Points points);

/// What the file of a point says. Nothing is there: not run; it cannot be read: interrupted, after no trial.
[[nodiscard]] PointState state_of(const std::string& path, const std::vector<SweepResult>& results);

}  // namespace dynvert
