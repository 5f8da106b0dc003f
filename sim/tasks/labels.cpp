#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/tasks/labels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

constexpr std::uint32_t no_class = std::numeric_limits<std::uint32_t>::max();

/// What would read labels of which one is no class.
std::string remedy_for(const std::vector<double>& labels, std::size_t classes, std::size_t first) {
  const auto [least, greatest] = std::ranges::minmax(labels);
  const bool whole = std::ranges::all_of(labels, [](double v) { return v == std::floor(v); });
  if (whole && least >= 0 && least != static_cast<double>(first) && greatest - least < static_cast<double>(classes))
    return fmt::format("labels_from = {:.0f} in [task]", least);
  return fmt::format("whole numbers from {} to {}, or a last layer with more units", first, first + classes - 1);
}

}  // namespace

SampleTable classes_of_labels(const std::string& object, const std::vector<double>& labels, std::size_t classes,
                              std::size_t first) {
  const auto from = static_cast<double>(first);
  const auto is_class = [&](double v) {
    return v >= from && v < from + static_cast<double>(classes) && v == std::floor(v);
  };
  std::vector<std::uint32_t> numbers;
  numbers.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!is_class(labels[i])) {
      throw IoError(object,
                    fmt::format("holds the label {} of sample {}, but the network has {} outputs{}", labels[i], i,
                                classes, first == 0 ? "" : fmt::format(", and labels_from is {}", first)),
                    remedy_for(labels, classes, first));
    }
    numbers.push_back(static_cast<std::uint32_t>(labels[i] - from));
  }
  return SampleTable::classes(classes, std::move(numbers));
}

OneHot::OneHot(std::string object, std::size_t samples, std::size_t classes, std::size_t first)
    : object_(std::move(object)), units_(classes), classes_(samples, no_class) {
  if (first == 0) return;
  throw IoError(object_,
                fmt::format("has {} values per sample, to which labels_from = {} does not apply", classes, first),
                "task.labels_from left out, or a dataset with one number per sample");
}

void OneHot::take(std::size_t sample, std::size_t class_number, double value) {
  if (value == 0) return;
  if (value != 1) {
    throw IoError(
        object_,
        fmt::format("holds {} in sample {}; with {} values per sample, labels are 1 at the class and 0 at the "
                    "others",
                    value, sample, units_),
        "such labels, one number per sample, or targets = \"values\" in [task]");
  }
  if (classes_[sample] != no_class) {
    throw IoError(object_, fmt::format("sample {} has two classes, {} and {}", sample, classes_[sample], class_number),
                  "a single 1 per sample, or targets = \"values\" in [task]");
  }
  classes_[sample] = static_cast<std::uint32_t>(class_number);
}

SampleTable OneHot::classes() && {
  const auto none = std::ranges::find(classes_, no_class);
  if (none != classes_.end()) {
    throw IoError(object_, fmt::format("sample {} has no class: all its values are 0", none - classes_.begin()),
                  "a single 1 per sample, or targets = \"values\" in [task]");
  }
  return SampleTable::classes(units_, std::move(classes_));
}

}  // namespace dynvert
