#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// The candidate that `word` was most likely meant to be: fewest insertions, deletions, replacements and swaps of
/// neighbours (optimal string alignment), at most one for every three letters and one more. Empty: none is that near.
[[nodiscard]] std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace dynvert
