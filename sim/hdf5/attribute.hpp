#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace dynvert {

/// An attribute of dynvert's files: int64, float64, or variable-length UTF-8 text.
using AttributeValue = std::variant<std::int64_t, double, std::string>;

struct Attribute {
  std::string name;
  AttributeValue value;
};

}  // namespace dynvert
