#pragma once

/// Stability maps of recorded models, and their file, format dynvert-map-1 (docs/file-format.md).

#include <dynvert/sim/hdf5/attribute.hpp>
#include <dynvert/sim/inspect/recorded_model.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// Names the format in the root attribute Conventions.
inline constexpr const char* map_conventions = "dynvert-map-1";

/// The points of one axis.
struct MapAxis {
  double from = 0, to = 0;
  bool logarithmic = true;

  [[nodiscard]] std::vector<double> points(std::size_t count) const;
};

/// What "alpha=1e-4:1:log,ratio=0.1:10:log" says; an axis that is not named is as here.
struct MapRanges {
  MapAxis alpha{1e-4, 1, true};
  MapAxis ratio{0.1, 10, true};
};
/// @throws ValueError  the text, with what is allowed
[[nodiscard]] MapRanges parse_map_ranges(std::string_view text);

inline constexpr std::size_t max_map_points = 401;

/// One dataset NAME_l over (alpha, ratio).
struct MapDataset {
  std::string name, units, description;
  std::vector<double> values;
};

struct ModelMap {
  std::string model;
  std::size_t snapshot = 0;
  std::vector<Attribute> attributes;  ///< of the group
  std::vector<MapDataset> datasets;
};

/// @param snapshot  trials done when the weights were taken; nothing: the last
/// @throws ValueError  a model without loops, or no such snapshot
[[nodiscard]] ModelMap map_model(const RunReader& file, RecordedModel& model, std::optional<std::size_t> snapshot,
                                 const std::vector<double>& alpha, const std::vector<double>& ratio);

/// Writes the file at once. @throws IoError
void write_map(const std::string& path, bool overwrite, const std::vector<Attribute>& attributes,
               const std::vector<double>& alpha, const std::vector<double>& ratio, const std::vector<ModelMap>& maps);

}  // namespace dynvert
