#pragma once

/// Values as TOML: what is read from the text is the same value.

#include <dynvert/models/parameter.hpp>

#include <string>
#include <string_view>

namespace dynvert {

/// In quotes, with escapes.
[[nodiscard]] std::string toml_string(std::string_view text);
/// The shortest text that reads back as the same double, and that TOML takes for a real.
[[nodiscard]] std::string toml_real(double value);
[[nodiscard]] std::string toml_value(const ParameterValue& value);

}  // namespace dynvert
