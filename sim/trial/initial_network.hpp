#pragma once

#include <dynvert/models/network/network.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/config/config.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// A kind of initial weights: a function of initial_network.cpp with a line in its list.
struct InitKind {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::vector<std::string> keys = {};      ///< the common keys of [network.init] that it uses
  std::vector<Parameter> parameters = {};  ///< keys of [network.init] that it declares itself
  bool reads_file = false;                 ///< network.init.path
  /// fills in the weights and biases of a network of zeros
  std::function<void(const Config& config, Network& network)> fill = nullptr;
};

/// In the order in which they are listed to people.
[[nodiscard]] std::span<const InitKind> init_kinds();
/// @throws ValueError naming the known kinds
[[nodiscard]] const InitKind& init_kind(std::string_view name);

/// The weights that all models of an experiment start from, each layer drawn from a stream of its own:
///
/// | network.init.kind | W_l                                                                | b_l      |
/// |-------------------|--------------------------------------------------------------------|----------|
/// | uniform           | U(-w, w), half width w                                             | U(-w, w) |
/// | orthogonal        | gain Q, Q uniform among the matrices with orthonormal columns, or  | 0        |
/// |                   | rows where there are fewer (Saxe, McClelland & Ganguli 2014;       |          |
/// |                   | Mezzadri 2007 for the draw)                                        |          |
/// | file              | from an HDF5 file                                                  | likewise |
///
/// @throws IoError     a kind that reads a file
/// @throws ValueError  W_1 goes beyond what single precision, where that is asked, can hold
[[nodiscard]] Network initial_network(const Config& config);

/// A matrix with orthonormal columns, or rows, uniformly distributed.
[[nodiscard]] arma::mat random_orthogonal(RandomStream& random, std::size_t rows, std::size_t columns);

}  // namespace dynvert
