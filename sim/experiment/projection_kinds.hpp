#pragma once

/// The projections of user-defined circuits: where their weights come from, and what they transmit. A kind is an entry
/// of a list in projection_kinds.cpp, with the function that makes its weights.

#include <dynvert/models/circuit/circuit.hpp>
#include <dynvert/sim/config/config.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// projection.kind
struct ProjectionKind {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::vector<std::string> keys = {};      ///< the common keys of [[projection]] that it uses
  std::vector<Parameter> parameters = {};  ///< keys of [[projection]] that it declares itself
  bool one_to_one = false;                 ///< one number in place of a matrix
  bool reads_file = false;                 ///< projection.path
  /// units of the target x units of the source
  std::function<Weights(const ProjectionConfig&, std::size_t rows, std::size_t columns, std::uint64_t seed)> make =
      nullptr;
};

/// projection.transmits
struct TransmissionKind {
  std::string_view name;
  std::string_view summary;
  std::vector<std::string> keys = {};
  Transmit transmits = Transmit::state;
};

/// In the order in which they are listed to people.
[[nodiscard]] std::span<const ProjectionKind> projection_kinds();
[[nodiscard]] std::span<const TransmissionKind> transmission_kinds();
/// @throws ValueError naming the known kinds
[[nodiscard]] const ProjectionKind& projection_kind(std::string_view name);
[[nodiscard]] const TransmissionKind& transmission_kind(std::string_view name);

}  // namespace dynvert
