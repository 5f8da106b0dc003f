#pragma once

/// The points of a sweep and their names: one configuration at every point of a product of values. Nothing here reads,
/// writes or runs.

#include <cstddef>
#include <string>
#include <vector>

namespace dynvert {

inline constexpr std::size_t max_sweep_points = 100'000;
inline constexpr std::size_t max_sweep_jobs = 512;
inline constexpr const char* seed_key = "experiment.seed";

/// A key and the values that it takes in turn.
struct SweepAxis {
  std::string key;                  ///< as `--set` has it ("model.DI.alpha"); seeds have seed_key
  std::vector<std::string> values;  ///< TOML, as typed

  bool operator==(const SweepAxis&) const = default;
};

struct SweepPoint {
  std::vector<std::string> values;  ///< one for each axis
  std::string name;                 ///< "alpha_0.01__seed_3": a safe name of a file, and no other point's

  bool operator==(const SweepPoint&) const = default;
};

/// "KEY=V1,V2,...": commas within the quotes, brackets and braces of a TOML value belong to the value.
/// @throws ValueError  not of this form, an empty value, one that is listed twice, a quote or bracket never closed
[[nodiscard]] SweepAxis parse_over(const std::string& text);

/// "1:10", both included, or "1,5,9". @throws ValueError
[[nodiscard]] SweepAxis parse_seeds(const std::string& text);

/// Every combination, the last axis the fastest.
///
/// A name is KEY_VALUE for each axis, joined by __: of the key as many of its last parts as tell it from the
/// others, of the value its letters, digits and .+-, what lies between them as one _, at most so many characters. A
/// name that an earlier point has already (or that differs in capitals alone) gets _2, _3, .. at its end.
///
/// @throws ValueError  a key twice, or more points than max_sweep_points
[[nodiscard]] std::vector<SweepPoint> sweep_points(const std::vector<SweepAxis>& axes);

/// "KEY=VALUE" for each axis, as `--set` takes it.
[[nodiscard]] std::vector<std::string> sets_of(const std::vector<SweepAxis>& axes, const SweepPoint& point);

}  // namespace dynvert
