#include <dynvert/models/random.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <fmt/format.h>

#include <array>

namespace dynvert {

namespace {

Weights one_number(const ProjectionConfig& p, std::size_t, std::size_t, std::uint64_t) { return p.weight; }

Weights written_out(const ProjectionConfig& p, std::size_t rows, std::size_t columns, std::uint64_t) {
  arma::mat values(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) values(i, j) = p.matrix[i][j];
  }
  return values;
}

Weights drawn_uniformly(const ProjectionConfig& p, std::size_t rows, std::size_t columns, std::uint64_t seed) {
  return RandomStream(seed, fmt::format("projection {}", p.name)).uniform(rows, columns, p.half_width);
}

Weights read_from_file(const ProjectionConfig& p, std::size_t rows, std::size_t columns, std::uint64_t) {
  auto values = read_matrix(p.path, p.group, p.dataset, rows, columns,
                            fmt::format("units of {} x units of {}", p.target, p.source));
  if (values) return std::move(*values);
  throw IoError(fmt::format("{}:{}", p.path, p.group), fmt::format("has no dataset {}", p.dataset),
                fmt::format("projection {} of kind \"file\" needs it", p.name));
}

}  // namespace

std::span<const ProjectionKind> projection_kinds() {
  static const std::array kinds{
      ProjectionKind{.name = "one_to_one",
                     .summary = "one weight from each unit to the one of its number",
                     .keys = {"weight"},
                     .one_to_one = true,
                     .make = &one_number},
      ProjectionKind{
          .name = "matrix", .summary = "written out in the configuration", .keys = {"matrix"}, .make = &written_out},
      ProjectionKind{
          .name = "uniform", .summary = "drawn from U(-w, w)", .keys = {"half_width"}, .make = &drawn_uniformly},
      ProjectionKind{.name = "file",
                     .summary = "read from an HDF5 file",
                     .keys = {"path", "group", "dataset"},
                     .reads_file = true,
                     .make = &read_from_file}};
  return kinds;
}

std::span<const TransmissionKind> transmission_kinds() {
  static const std::array kinds{
      TransmissionKind{.name = "rate", .summary = "the rate g(x) of the source", .transmits = Transmit::rate},
      TransmissionKind{.name = "state", .summary = "its state x", .transmits = Transmit::state},
      TransmissionKind{.name = "gain",
                       .summary = "its state times a slope of another population",
                       .keys = {"follows", "reciprocal"},
                       .transmits = Transmit::gain}};
  return kinds;
}

const ProjectionKind& projection_kind(std::string_view name) {
  return find_by_name(projection_kinds(), name, "kind of projection");
}

const TransmissionKind& transmission_kind(std::string_view name) {
  return find_by_name(transmission_kinds(), name, "kind of transmission");
}

}  // namespace dynvert
