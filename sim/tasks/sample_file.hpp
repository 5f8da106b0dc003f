#pragma once

/// Samples from a user's HDF5 file: a group with
///
/// | dataset | axes            | type        | meaning                                                  |
/// |---------|-----------------|-------------|----------------------------------------------------------|
/// | x       | sample, any     | real, whole | inputs; further axes are taken together as one           |
/// | t       | sample, any     | real, whole | targets (regression)                                     |
/// | labels  | sample (, 1)    | whole       | classes, 0 to outputs - 1                                |
///
/// The sample is the first axis as HDF5 and Python count them, the last one in MATLAB. Unsigned bytes stay bytes.

#include <dynvert/sim/tasks/dataset.hpp>

#include <cstddef>
#include <string>

namespace dynvert {

/// The number of samples of GROUP/NAME. @throws IoError  no such file, group or dataset
[[nodiscard]] std::size_t count_samples(const std::string& path, const std::string& group, const std::string& name);

/// Reads the first samples of GROUP/NAME.
/// @param units  values that a sample must have; @param meaning  what they are, for the message: "inputs"
/// @throws IoError  no such dataset, other sizes, fewer samples, no numbers, or values that are not finite
[[nodiscard]] SampleTable read_samples(const std::string& path, const std::string& group, const std::string& name,
                                       std::size_t samples, std::size_t units, const std::string& meaning);

/// Reads labels. @throws IoError  likewise, and for labels that are not whole numbers from 0 to classes - 1
[[nodiscard]] SampleTable read_labels(const std::string& path, const std::string& group, const std::string& name,
                                      std::size_t samples, std::size_t classes);

}  // namespace dynvert
