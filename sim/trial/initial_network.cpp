#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <fmt/format.h>

#include <array>

namespace dynvert {

namespace {

void read_network(const Config& config, Network& network) {
  const InitConfig& init = config.network.init;
  const auto missing = [&](const std::string& name) {
    return IoError(
        fmt::format("{}:{}", init.path, init.group), fmt::format("has no dataset {}", name),
        "network.init of kind \"file\" needs W1, W2, .. of the network's layers, and b1, b2, .. with bias = true");
  };
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    const std::string W = fmt::format("W{}", l);
    auto weights = read_matrix(init.path, init.group, W, network.units[l], network.units[l - 1],
                               fmt::format("units of layer {} x units of layer {}", l, l - 1), init.snapshot);
    if (!weights) throw missing(W);
    network.W[l] = std::move(*weights);
    if (!network.bias) continue;
    const std::string b = fmt::format("b{}", l);
    auto biases =
        read_vector(init.path, init.group, b, network.units[l], fmt::format("units of layer {}", l), init.snapshot);
    if (!biases) throw missing(b);
    network.b[l] = std::move(*biases);
  }
}

}  // namespace

/// Q of a Gaussian matrix, with the signs for which R has a positive diagonal (LAPACK's own choice of them is not
/// uniform).
arma::mat random_orthogonal(RandomStream& random, std::size_t rows, std::size_t columns) {
  const bool tall = rows >= columns;
  arma::mat Q, R;
  const arma::mat gaussian = tall ? random.normal(rows, columns) : random.normal(columns, rows);
  arma::qr_econ(Q, R, gaussian);
  for (arma::uword c = 0; c < Q.n_cols; ++c) {
    if (R(c, c) < 0) Q.col(c) *= -1;
  }
  return tall ? Q : arma::mat(Q.t());
}

namespace {

RandomStream weights_of_layer(const Config& config, std::size_t l) {
  return {config.seed, fmt::format("weights {}", l)};
}

void draw_uniform(const Config& config, Network& network) {
  const double w = config.network.init.half_width;
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    network.W[l] = weights_of_layer(config, l).uniform(network.units[l], network.units[l - 1], w);
    if (!network.bias) continue;
    network.b[l] = RandomStream(config.seed, fmt::format("biases {}", l)).uniform(network.units[l], 1, w);
  }
}

void draw_orthogonal(const Config& config, Network& network) {
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    RandomStream random = weights_of_layer(config, l);
    network.W[l] = config.network.init.gain * random_orthogonal(random, network.units[l], network.units[l - 1]);
  }
}

}  // namespace

std::span<const InitKind> init_kinds() {
  static const std::array kinds{
      InitKind{.name = "uniform", .summary = "drawn from U(-w, w)", .keys = {"half_width"}, .fill = &draw_uniform},
      InitKind{.name = "orthogonal",
               .summary = "random matrices with orthonormal columns or rows",
               .keys = {"gain"},
               .fill = &draw_orthogonal},
      InitKind{.name = "file",
               .summary = "read from an HDF5 file",
               .keys = {"path", "group", "snapshot"},
               .reads_file = true,
               .fill = &read_network}};
  return kinds;
}

const InitKind& init_kind(std::string_view name) { return find_by_name(init_kinds(), name, "kind of initial weights"); }

Network initial_network(const Config& config) {
  Network network = empty_network(config);
  init_kind(config.network.init.kind).fill(config, network);
  // float32 ends at 3.4e38, and the changes of all trials need room, too
  constexpr double largest_single = 1e38;
  if (config.learning.precision == "single" && arma::abs(network.W[1]).max() > largest_single) {
    throw ValueError("the initial W1", fmt::format("goes to {:g}", arma::abs(network.W[1]).max()),
                     fmt::format("up to {:g} with learning.precision = \"single\"; or \"double\"", largest_single));
  }
  return network;
}

}  // namespace dynvert
