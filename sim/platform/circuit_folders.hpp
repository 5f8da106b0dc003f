#pragma once

#include <filesystem>
#include <vector>

namespace dynvert {

/// Where the circuits that come with dynvert are, in the order in which a file is looked for: of a program in its build
/// tree those of the source tree; else those that were installed with it. Folders that exist; empty: there are none.
[[nodiscard]] std::vector<std::filesystem::path> circuit_folders();

}  // namespace dynvert
