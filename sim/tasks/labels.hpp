#pragma once

/// Labels of samples, as people have them, become classes 0 .. classes - 1.

#include <dynvert/sim/tasks/dataset.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dynvert {

/// A number for each sample: `first` is that of class 0 (task.labels_from).
/// @param object  what holds them, for messages
/// @throws IoError  a label that is no class, with the key that would read it where one would
[[nodiscard]] SampleTable classes_of_labels(const std::string& object, const std::vector<double>& labels,
                                            std::size_t classes, std::size_t first);

/// One-hot: a value for each sample and class, 1 at the class and 0 at the others. Takes the values in any order.
class OneHot {
 public:
  /// @throws IoError  first is not 0: there is no label that it could be
  OneHot(std::string object, std::size_t samples, std::size_t classes, std::size_t first);
  /// @throws IoError  another value, or the second 1 of a sample
  void take(std::size_t sample, std::size_t class_number, double value);
  /// @throws IoError  a sample without class
  [[nodiscard]] SampleTable classes() &&;

 private:
  std::string object_;
  std::size_t units_;
  std::vector<std::uint32_t> classes_;
};

}  // namespace dynvert
