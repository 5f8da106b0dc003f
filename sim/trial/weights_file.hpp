#pragma once

/// Weights and feedback that a user brings in an HDF5 file (kind = "file").

#include <armadillo>

#include <cstddef>
#include <optional>
#include <string>

namespace dynvert {

/// Reads GROUP/NAME as a matrix of the given shape: either rows x cols as NumPy shows it, or snapshot x rows x cols as
/// dynvert's own /models/NAME/weights has it, of which one snapshot is taken.
/// @param snapshot  the value of GROUP/snapshot (trials done by then); -1: the last
/// @param meaning  what the shape stands for, for the message: "units of layer 1 x units of layer 2"
/// @return nothing where the file has no such dataset
/// @throws IoError when the file cannot be read, or the dataset has another shape, is not numeric or not finite, or the
///                 group has no such snapshot
[[nodiscard]] std::optional<arma::mat> read_matrix(const std::string& path, const std::string& group,
                                                   const std::string& name, std::size_t rows, std::size_t cols,
                                                   const std::string& meaning = {}, int snapshot = -1);

/// Reads GROUP/NAME as a vector, or snapshot x size, likewise.
[[nodiscard]] std::optional<arma::vec> read_vector(const std::string& path, const std::string& group,
                                                   const std::string& name, std::size_t size,
                                                   const std::string& meaning = {}, int snapshot = -1);

}  // namespace dynvert
