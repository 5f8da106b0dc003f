#pragma once

#include <dynvert/sim/config/schema.hpp>

namespace dynvert {

/// The names that the program's registries know: what a configuration may say.
[[nodiscard]] Vocabulary vocabulary();

}  // namespace dynvert
