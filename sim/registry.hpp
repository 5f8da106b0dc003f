#pragma once

#include <dynvert/sim/config/config_registry.hpp>

namespace dynvert {

/// The parts that the program's registries know: what a configuration may name.
[[nodiscard]] ConfigRegistry config_registry();

}  // namespace dynvert
