#pragma once

#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace dynvert::test {

/// A small run with every kind of group that the format has.
struct SampleRun {
  RunFile file;
  RunFile::Group learning, eval, weights, trace;
};

inline constexpr std::size_t sample_trials = 40;

/// Creates the file and its groups, without rows.
[[nodiscard]] SampleRun create_sample(const std::string& path, const RunFileOptions& options = {});

/// The groups of a file that was created or reopened.
[[nodiscard]] SampleRun add_sample_groups(RunFile file);

/// Appends what trial `trial` leaves.
void append_trial(SampleRun& run, std::size_t trial);

/// The whole run, finished.
void write_sample(const std::string& path, const RunFileOptions& options = {});

/// A group of two columns, trial and value.
inline GroupSpec column_group(const std::string& path = "/g") {
  return {path,
          "trial",
          {},
          {{"trial", ValueType::integer, {}, "1", "", ""}, {"value", ValueType::real, {}, "1", "", ""}},
          {}};
}

/// An attribute that is text.
inline std::string text(const RunReader& reader, const std::string& object, const std::string& name) {
  return std::get<std::string>(reader.attribute(object, name).value());
}

/// An attribute that is an integer.
inline std::int64_t integer(const RunReader& reader, const std::string& object, const std::string& name) {
  return std::get<std::int64_t>(reader.attribute(object, name).value());
}

}  // namespace dynvert::test
