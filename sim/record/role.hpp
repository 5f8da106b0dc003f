#pragma once

/// What a dataset is for. A file says so in the attribute `role` (docs/file-format.md); the first files, of 0.1.0, have
/// none, and there the names tell. Nothing else that reads files goes by the name of a dataset or of a model.

#include <dynvert/sim/record/run_reader.hpp>

#include <string>

namespace dynvert {

/// Of a dataset that has some units or fewer samples of a population, whose own role is in the attribute `of_role`:
/// what needs whole populations does not find it.
inline constexpr const char* excerpt_role = "excerpt";

/// "error", "controller", "switch", ..; "auxiliary" where the file does not say.
/// @param model  path of the model, "/models/DI"
/// @param group  of the dataset, in the model: "trace"
/// @throws IoError  the file cannot be read
[[nodiscard]] std::string role_of(const RunReader& file, const std::string& model, const std::string& group,
                                  const std::string& name);

/// Whether a dataset is there that has less than the whole of a population.
[[nodiscard]] bool is_excerpt(const RunReader& file, const std::string& dataset);

}  // namespace dynvert
