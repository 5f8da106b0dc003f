#pragma once

/// The times of a run: each interval that a solver runs through has a whole number of steps, where it needs that, and
/// of the samples of a trace.

#include <dynvert/sim/config/reader.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// time / dt as a number of steps, or nothing where it is not whole.
/// @param end  where the time is a difference of two, the later of them, whose rounding it has
[[nodiscard]] std::optional<double> whole_number_of_steps(double time, double dt, double end = 0);
/// The two times next to `time` that are a whole number of dt.
[[nodiscard]] std::string nearest_times(double time, double dt);

/// Fails at a key of the dynamics.
using FailAt = std::function<void(std::string_view key, const std::string& fault, const std::string& allowed)>;

struct TimeInterval {
  std::string_view key;  ///< the key at fault for it
  std::string text;      ///< "phases[2].duration"
  double duration = 0;
  bool divides = false;  ///< it ends at a switch, which falls on a sample of the trace
  double end = 0;        ///< when it ends, where its duration is a difference of times
};
/// @param own  the model's own table, or that of the defaults, @param sampling  record.interval
void check_interval(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                    const DynamicsConfig& dynamics, double sampling, const TimeInterval& interval, const FailAt& at);

/// Where the traces of an interval end before it does, a note says so, once.
/// @param sampling  record.interval
void note_trace_end(double dt, double sampling, const TimeInterval& interval, std::vector<std::string>& notes);

/// The intervals of populations that are recorded in their own way. @param duration  of the longest trace
void check_own_intervals(const ConfigReader& reader, const RecordConfig& record, double dt, double duration);

/// Every interval of a model. @param keys  of its dynamics, @param config  gets notes
void check_model_times(const ConfigReader& reader, const toml::table& own, const std::string& prefix, Config& config,
                       const ModelConfig& model, const std::vector<Key>& keys, const FailAt& at);

}  // namespace dynvert
