#pragma once

/// What a sweep will run: every point's configuration, loaded before the first one starts.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/sweep/index.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace dynvert {

struct SweepPlan {
  SweepTable table;
  std::string text;                ///< of the configuration, as it was when the sweep began
  std::vector<std::string> notes;  ///< of the configurations, each once
};

/// @throws ValueError   the options
///         ConfigError  a configuration: its message begins with the name of the point
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
