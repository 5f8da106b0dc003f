#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

void read_network(const InitConfig& init, Network& network) {
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

Network drawn_or_read(const Config& config) {
  const InitConfig& init = config.network.init;
  Network network = empty_network(config);
  if (init.kind == "file") {
    read_network(init, network);
    return network;
  }
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    RandomStream weights(config.seed, fmt::format("weights {}", l));
    if (init.kind == "orthogonal") {
      network.W[l] = init.gain * random_orthogonal(weights, network.units[l], network.units[l - 1]);
      continue;
    }
    network.W[l] = weights.uniform(network.units[l], network.units[l - 1], init.half_width);
    if (!network.bias) continue;
    network.b[l] = RandomStream(config.seed, fmt::format("biases {}", l)).uniform(network.units[l], 1, init.half_width);
  }
  return network;
}

}  // namespace

Network initial_network(const Config& config) {
  Network network = drawn_or_read(config);
  // float32 ends at 3.4e38, and the changes of all trials need room, too
  constexpr double largest_single = 1e38;
  if (config.learning.precision == "single" && arma::abs(network.W[1]).max() > largest_single) {
    throw ValueError("the initial W1", fmt::format("goes to {:g}", arma::abs(network.W[1]).max()),
                     fmt::format("up to {:g} with learning.precision = \"single\"; or \"double\"", largest_single));
  }
  return network;
}

}  // namespace dynvert
