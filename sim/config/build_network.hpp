#pragma once

/// What the tables of a configuration describe, as values of the models.

#include <dynvert/models/network/network.hpp>
#include <dynvert/sim/config/config.hpp>

namespace dynvert {

/// The network of [network], with zero weights.
[[nodiscard]] Network empty_network(const Config& config);

}  // namespace dynvert
