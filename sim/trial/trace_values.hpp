#pragma once

/// The values of one record of a trace: read from the trajectories of a trial's stages, sample by sample, for every
/// unit or for some.

#include <dynvert/sim/trial/trace.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace dynvert {

/// The samples of one stage in the file.
struct Samples {
  std::size_t stage = 0;     ///< its place in the trial
  std::size_t stride = 1;    ///< samples of the trajectory from one of the file to the next
  double tolerance = 0;      ///< of times, for rounding: half an interval of the trajectory
  std::vector<double> time;  ///< of each sample

  /// a trial that has diverged in an earlier phase has no samples of the later ones
  [[nodiscard]] bool has(const StageRunner& runner, std::size_t k) const {
    return runner.started() && k * stride < runner.trajectory().samples();
  }
  /// The phase of each sample in turn: what a switch sets shows from the switch on. @param now  that of the one before
  void advance(const std::vector<Phase>& phases, std::size_t k, std::size_t& now) const {
    while (now + 1 < phases.size() && phases[now + 1].start <= time[k] + tolerance) ++now;
  }
};

/// What a population, or weights that move, are in one of the stages that a time axis goes through.
struct SequencePart {
  std::size_t stage = 0;                              ///< its place in the trial
  std::size_t first = 0;                              ///< sample of the axis where it begins
  std::size_t stride = 1;                             ///< samples of the trajectory from one of the axis to the next
  std::optional<std::size_t> block = std::nullopt;    ///< nothing: it does not move there, and keeps its value
  std::optional<std::size_t> derived = std::nullopt;  ///< or a derived signal of the stage
};

/// What of a dataset's values the file has.
struct Excerpt {
  std::vector<std::size_t> units = {};  ///< empty: all
  std::size_t every = 1;                ///< samples of the common time axis from one of its own to the next
  std::size_t rows = 0;                 ///< of a matrix, which the file has row by row; 0: it is none

  /// Numbers of one sample. @param all  units that there are
  [[nodiscard]] std::size_t count(std::size_t all) const { return units.empty() ? all : units.size(); }
  /// Writes one sample, count() numbers. @param from  all units, a matrix column by column
  void write(std::span<const double> from, double* to) const;
  void append(std::span<const double> from, std::vector<double>& values) const;
};

/// A population through the stages of a sequence. @param samples  of the common axis, @param units  all of them
void fill_sequence(std::span<const SequencePart> parts, std::size_t samples, std::size_t units, const Excerpt& excerpt,
                   const TraceRecord& record, std::vector<double>& values);

/// A population, or weights that move. @param samples  the dataset's own
void fill_state(const Samples& samples, std::size_t block, const Excerpt& excerpt, const TraceRecord& record,
                std::vector<double>& values);

/// A derived signal. @param samples  the dataset's own, @param units  all of them
void fill_derived(const Samples& samples, std::size_t signal, std::size_t units, const Excerpt& excerpt,
                  const TraceRecord& record, std::vector<double>& values);

}  // namespace dynvert
