#pragma once

/// Which models learn in blocks of trials (models/network/online_block.hpp): from single samples, with a forward pass
/// that takes no time, and a first layer whose weights are too many for the caches that are near.

#include <dynvert/sim/config/config.hpp>

#include <cstddef>
#include <string>

namespace dynvert {

/// Trials of a block. Experiments hand over whole blocks, so that numbers do not depend on how trials are dealt out.
inline constexpr std::size_t trials_in_block = 64;

/// Why a model does not learn in blocks ("with learning.batch = 10"); empty: it does.
/// @param moves  its forward pass is part of what moves
[[nodiscard]] std::string against_blocks(const Config& config, bool moves);

}  // namespace dynvert
