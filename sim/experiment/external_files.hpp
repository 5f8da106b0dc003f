#pragma once

/// The files that a run reads beside its configuration: data, weights, feedback. A run's file does not copy them, but
/// says which they were: attributes ROLE_path and ROLE_sha256 of the object that they belong to.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/recorder.hpp>
#include <dynvert/sim/record/run_file.hpp>

#include <set>
#include <string>
#include <vector>

namespace dynvert {

struct ExternalFile {
  std::string object;  ///< "/task", "/models/DI"; "/": of all models
  std::string role;    ///< "inputs", "init", "feedback"; of a circuit the name of the projection
  std::string path;

  bool operator==(const ExternalFile&) const = default;
};

/// In the order of the configuration. @throws IoError  a folder of data does not hold what it should
[[nodiscard]] std::vector<ExternalFile> external_files(const Config& config);

/// The paths of those that are of HDF5, each once: they are from elsewhere, and a first pass comes before all else.
[[nodiscard]] std::set<std::string> external_hdf5_files(const Config& config);

/// Writes the attributes. The objects are there. @throws IoError  a file cannot be read
void note_external_files(const Config& config, Recorder& recorder);

/// Which of the files are not those that the run was begun with, a sentence each; a run that was stopped before its
/// first commit has named none. @throws IoError  a file cannot be read
[[nodiscard]] std::vector<std::string> changed_external_files(const Config& config, const RunFile& file);

}  // namespace dynvert
