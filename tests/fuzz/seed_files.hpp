#pragma once

/// Small files that are as they should be, to be spoiled.

#include <cstddef>
#include <string>
#include <vector>

namespace dynvert::fuzz {

struct SeedRun {
  std::string config;           ///< TOML
  std::vector<std::byte> file;  ///< what simulate writes
};

/// Runs that learn, complete and interrupted; inversions; a circuit.
[[nodiscard]] std::vector<SeedRun> seed_runs();

/// Samples, targets and labels in "/", weights with snapshots in "/weights" and without in "/".
[[nodiscard]] std::vector<std::byte> seed_samples();

[[nodiscard]] std::vector<std::byte> content_of(const std::string& path);

}  // namespace dynvert::fuzz
