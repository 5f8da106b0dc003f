#pragma once

/// What a dataset is for. A file says so in the attribute `role` (docs/file-format.md); the first files, of 0.1.0, have
/// none, and there the names tell. Nothing else that reads files goes by the name of a dataset or of a model.

#include <dynvert/sim/record/run_reader.hpp>

#include <string>

namespace dynvert {

/// "error", "controller", "switch", ..; "auxiliary" where the file does not say.
/// @param model  path of the model, "/models/DI"
/// @param group  of the dataset, in the model: "trace"
/// @throws IoError  the file cannot be read
[[nodiscard]] std::string role_of(const RunReader& file, const std::string& model, const std::string& group,
                                  const std::string& name);

}  // namespace dynvert
