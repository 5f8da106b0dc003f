#pragma once

/// Samples from a user's HDF5 file. Datasets of inputs, of targets (regression) and of labels (classes):
///
/// | dataset | axes                             | values                                                         |
/// |---------|----------------------------------|----------------------------------------------------------------|
/// | x, t    | sample, any                      | numbers; the further axes are taken together as one            |
/// | x, t    | sample; sample, 1; 1, sample     | the same, where a sample has one value                         |
/// | labels  | sample; sample, 1; 1, sample     | whole numbers                                                  |
/// | labels  | sample, class                    | 1 at the class and 0 at the others (one-hot)                   |
///
/// Numbers are real or whole of any width and byte order, or the booleans of h5py; unsigned bytes stay bytes. The
/// sample is the first axis as HDF5 and Python count them, the last one in MATLAB. `transposed` is the other way round:
/// all axes are reversed, as MATLAB does when it saves, so that its row i is sample i.

#include <dynvert/sim/tasks/dataset.hpp>

#include <cstddef>
#include <string>

namespace dynvert {

/// Where samples are.
struct SamplePlace {
  std::string path = {};
  std::string group = "/";
  std::string name = {};  ///< of the dataset, from the group
  std::string key = {};   ///< of [task] that names it, for messages
  bool transposed = false;
};

/// The number of samples. @param units  values that a sample must have
/// @throws IoError  no such file, group or dataset: with what is there, and the key that would read it
[[nodiscard]] std::size_t count_samples(const SamplePlace& place, std::size_t units);

/// Reads the first samples.
/// @param meaning  what the values of a sample are, for the message: "inputs"
/// @throws IoError  no such dataset, other sizes, fewer samples, no numbers, or values that are not finite
[[nodiscard]] SampleTable read_samples(const SamplePlace& place, std::size_t samples, std::size_t units,
                                       const std::string& meaning);

/// Reads labels. @param first  that of class 0
/// @throws IoError  likewise, and for labels that are no classes
[[nodiscard]] SampleTable read_labels(const SamplePlace& place, std::size_t samples, std::size_t classes,
                                      std::size_t first);

}  // namespace dynvert
