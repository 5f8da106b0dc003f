#pragma once

#include <dynvert/models/network/network.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/config/config.hpp>

namespace dynvert {

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
/// @throws IoError     kind "file"
/// @throws ValueError  W_1 goes beyond what single precision, where that is asked, can hold
[[nodiscard]] Network initial_network(const Config& config);

/// A matrix with orthonormal columns, or rows, uniformly distributed.
[[nodiscard]] arma::mat random_orthogonal(RandomStream& random, std::size_t rows, std::size_t columns);

}  // namespace dynvert
