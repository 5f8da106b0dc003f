#pragma once

/// What a sweep will run: every point's configuration, loaded before the first one starts.

#include <dynvert/sim/config/arguments.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/sweep/index.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// What dynvert sweep takes.
struct SweepArguments {
  ConfigArguments config;         ///< without a seed; threads: of each run, 1 where none are given
  std::vector<std::string> over;  ///< KEY=V1,V2,...
  std::optional<std::string> seeds;
  std::string output;  ///< the folder
  std::optional<std::size_t> jobs;
  bool overwrite = false;
  bool resume = false;
  bool quiet = false;
  std::string program = "/proc/self/exe";  ///< whose command simulate runs the points
};

struct SweepPlan {
  SweepTable table;
  std::string text;                ///< of the configuration, as it was when the sweep began
  std::vector<std::string> notes;  ///< of the configurations, each once
};

/// @throws ValueError   the options
///         ConfigError  a configuration: its message begins with the name of the point
///         ValueError, IoError  what its run would refuse when it starts (StartCheck), likewise
[[nodiscard]] SweepPlan plan_sweep(const SweepArguments& arguments);

/// The configuration of one point. @throws ConfigError
[[nodiscard]] Config load_point(const SweepArguments& arguments, const std::string& text,
                                const std::vector<SweepAxis>& axes, const SweepPoint& point);

/// Of each run.
[[nodiscard]] std::size_t threads_of(const SweepArguments& arguments);

/// The words of the command that runs a point. @param file  its output
[[nodiscard]] std::vector<std::string> command_of(const SweepArguments& arguments, const std::vector<SweepAxis>& axes,
                                                  const SweepPoint& point, const std::string& file, bool resume);

}  // namespace dynvert
