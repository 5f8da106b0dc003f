#pragma once

#include <dynvert/sim/record/run_file.hpp>

#include <string>

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

}  // namespace dynvert::test
