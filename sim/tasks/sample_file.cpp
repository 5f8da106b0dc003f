#include <dynvert/sim/hdf5/contents.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/tasks/labels.hpp>
#include <dynvert/sim/tasks/sample_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dynvert {

namespace {

constexpr std::size_t values_at_a_time = std::size_t{1} << 20;

/// Which axis of a dataset is the sample.
enum class SampleAxis { first, last, only };

std::size_t product(const std::vector<std::size_t>& shape, std::size_t from, std::size_t to) {
  std::size_t n = 1;
  for (std::size_t i = from; i < to; ++i) {
    // far beyond any network; and no product overflows
    if (shape[i] != 0 && n > (std::size_t{1} << 32) / shape[i]) return std::size_t{1} << 33;
    n *= shape[i];
  }
  return n;
}

/// A vector has one reading, however many axes of length 1 it has.
SampleAxis sample_axis(const std::vector<std::size_t>& shape, std::size_t units, bool transposed) {
  const bool vector = std::ranges::count_if(shape, [](std::size_t n) { return n != 1; }) <= 1;
  if (units == 1 && vector) return SampleAxis::only;
  return transposed ? SampleAxis::last : SampleAxis::first;
}

std::size_t samples_in(const std::vector<std::size_t>& shape, SampleAxis axis) {
  if (axis == SampleAxis::only) return product(shape, 0, shape.size());
  return axis == SampleAxis::first ? shape.front() : shape.back();
}

std::size_t units_in(const std::vector<std::size_t>& shape, SampleAxis axis) {
  if (axis == SampleAxis::only) return 1;
  return axis == SampleAxis::first ? product(shape, 1, shape.size()) : product(shape, 0, shape.size() - 1);
}

bool fits(const std::vector<std::size_t>& shape, std::size_t units, bool transposed) {
  return !shape.empty() && units_in(shape, sample_axis(shape, units, transposed)) == units;
}

/// Where the dataset is, from the root.
std::string full_path(const SamplePlace& place) {
  std::string base = place.group;
  while (base.ends_with('/')) base.pop_back();
  return base + "/" + place.name;
}

/// The key that would read one of the datasets of the group. @param units  values per sample
std::string key_for(const std::vector<h5::Item>& items, const SamplePlace& place, std::size_t units) {
  for (const bool transposed : {place.transposed, !place.transposed}) {
    for (const h5::Item& item : items) {
      if (!item.numbers || !fits(item.shape, units, transposed)) continue;
      const std::string name = fmt::format("{} = \"{}\"", place.key, item.name);
      return transposed == place.transposed ? name : fmt::format("{} and transposed = {}", name, transposed);
    }
  }
  for (const h5::Item& item : items) {
    if (item.is_group)
      return fmt::format("group = \"{}{}\"", place.group.ends_with('/') ? place.group : place.group + "/", item.name);
  }
  return {};
}

/// What would read the samples that are not where they should be.
std::string remedy_for_missing(const h5::File& file, const std::vector<h5::Item>& items, const SamplePlace& place,
                               std::size_t units, bool labels) {
  std::string key = key_for(items, place, labels ? 1 : units);
  if (labels && !key.starts_with(place.key)) {
    const std::string one_hot = key_for(items, place, units);
    if (one_hot.starts_with(place.key)) key = one_hot;
  }
  // labels where values were expected
  const bool targets = place.key == "t" || place.key == "test_t";
  if (targets && h5::has(file, full_path({.group = place.group, .name = "labels"})))
    return "targets = \"classes\" in [task], which reads labels";
  if (!key.empty()) return key + " in [task]";
  return fmt::format("{} in [task]: the dataset's name, from the group", place.key);
}

struct Opened {
  h5::File file;
  h5::Dataset dataset;
};

/// @param units  values of a sample; of labels the number of classes
Opened open_samples(const SamplePlace& place, std::size_t units, bool labels = false) {
  h5::File file = h5::open_file(place.path);
  const std::string path = full_path(place), base = path.substr(0, path.size() - place.name.size() - 1);
  const std::string object = fmt::format("{}:{}", place.path, path);
  if (!base.empty() && !h5::is_group(file, base)) {
    throw IoError(place.path + ":" + base, "is not a group of the file",
                  fmt::format("one of those that it has; it holds {}", h5::items_text(h5::items(file, "/"))));
  }
  if (!h5::has(file, path)) {
    const std::vector<h5::Item> items = h5::items(file, base.empty() ? "/" : base);
    throw IoError(fmt::format("{}:{}", place.path, place.group),
                  fmt::format("has no dataset {}; it holds {}", place.name, h5::items_text(items)),
                  remedy_for_missing(file, items, place, units, labels));
  }
  if (h5::is_group(file, path)) {
    const std::vector<h5::Item> items = h5::items(file, path);
    const bool sparse = h5::has(file, path + "/jc") && h5::has(file, path + "/ir");
    const auto inner = std::ranges::find_if(items, &h5::Item::numbers);
    throw IoError(object,
                  sparse ? "is a sparse matrix of MATLAB"
                         : fmt::format("is a group, not a dataset; it holds {}", h5::items_text(items)),
                  sparse                 ? "full() in MATLAB, before it is saved"
                  : inner == items.end() ? ""
                                         : fmt::format("{} = \"{}/{}\" in [task]", place.key, place.name, inner->name));
  }
  h5::Dataset dataset = h5::open_dataset(file, path);
  if (!h5::holds_numbers(dataset)) {
    throw IoError(object, fmt::format("does not hold numbers, but {}", h5::type_text(dataset)),
                  "numbers: whole, real, or the booleans of h5py");
  }
  if (dataset.shape.empty()) throw IoError(object, "is a single value", "an array with an axis over the samples");
  return {std::move(file), std::move(dataset)};
}

void check_sizes(const h5::Dataset& dataset, const SamplePlace& place, std::size_t samples, std::size_t units,
                 const std::string& meaning) {
  const SampleAxis axis = sample_axis(dataset.shape, units, place.transposed);
  if (units_in(dataset.shape, axis) != units) {
    const bool other_way = fits(dataset.shape, units, !place.transposed);
    throw IoError(dataset.name,
                  fmt::format("is {}, expected {} values per sample ({}){}", h5::shape_text(dataset.shape), units,
                              meaning, place.transposed ? " with transposed = true" : ""),
                  other_way ? fmt::format("transposed = {} in [task]", !place.transposed)
                            : "the sample as the first axis (in MATLAB the last), or transposed = true for the other "
                              "way round; and network.layers as the file has it");
  }
  const std::size_t found = samples_in(dataset.shape, axis);
  if (samples > found) {
    throw IoError(
        dataset.name, fmt::format("holds {} samples, but {} were requested", found, samples),
        fmt::format("as many as the other dataset has, or at most {} in task.samples or task.test_samples", found));
  }
}

/// Calls `take(sample, unit, value)` for every value of the first samples.
template <typename Take>
void read_blocks(const h5::Dataset& dataset, SampleAxis axis, std::size_t samples, std::size_t units,
                 const Take& take) {
  const std::vector<std::size_t>& shape = dataset.shape;
  if (samples == 0 || units == 0) return;
  const std::size_t row = product(shape, 1, shape.size());
  const std::size_t rows = std::max<std::size_t>(1, values_at_a_time / std::max<std::size_t>(1, row));
  const std::size_t all_rows = axis == SampleAxis::first ? samples : shape[0];
  const std::size_t last = shape.back();
  // the place of an element of the axes between the first and the last, in the order of the reversed axes
  std::vector<std::size_t> between(axis == SampleAxis::last && shape.size() > 1 ? row / last : 1, 0);
  for (std::size_t m = 0; axis == SampleAxis::last && m < between.size(); ++m) {
    std::size_t rest = m;
    for (std::size_t d = shape.size() - 2; d > 0; --d) {
      between[m] += rest % shape[d] * product(shape, 0, d);
      rest /= shape[d];
    }
  }
  for (std::size_t first = 0; first < all_rows; first += rows) {
    const std::vector<double> values = h5::read_rows(dataset, first, std::min(rows, all_rows - first));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (axis != SampleAxis::last) {
        const std::size_t at = first * row + i;
        if (at / units < samples) take(at / units, at % units, values[i]);
      } else if (shape.size() == 1) {
        if (first + i < samples) take(first + i, 0, values[i]);
      } else if (i % last < samples) {
        take(i % last, first + i / row + between[i % row / last], values[i]);
      }
    }
  }
}

}  // namespace

std::size_t count_samples(const SamplePlace& place, std::size_t units) {
  const std::vector<std::size_t> shape = open_samples(place, units).dataset.shape;
  return samples_in(shape, sample_axis(shape, units, place.transposed));
}

SampleTable read_samples(const SamplePlace& place, std::size_t samples, std::size_t units, const std::string& meaning) {
  const Opened opened = open_samples(place, units);
  const h5::Dataset& dataset = opened.dataset;
  check_sizes(dataset, place, samples, units, meaning);
  const SampleAxis axis = sample_axis(dataset.shape, units, place.transposed);
  if (dataset.type == h5::Type::uint8) {
    std::vector<std::uint8_t> bytes(samples * units);
    read_blocks(dataset, axis, samples, units, [&](std::size_t sample, std::size_t unit, double v) {
      bytes[sample * units + unit] = static_cast<std::uint8_t>(v);
    });
    return SampleTable::bytes(units, std::move(bytes));
  }
  arma::mat values(units, samples, arma::fill::none);
  read_blocks(dataset, axis, samples, units, [&](std::size_t sample, std::size_t unit, double v) {
    if (!std::isfinite(v)) {
      throw IoError(dataset.name,
                    fmt::format("holds {} at position {} of sample {}, expected finite values", v, unit, sample));
    }
    values(unit, sample) = v;
  });
  return SampleTable::reals(std::move(values));
}

SampleTable read_labels(const SamplePlace& place, std::size_t samples, std::size_t classes, std::size_t first) {
  const Opened opened = open_samples(place, classes, true);
  const h5::Dataset& dataset = opened.dataset;
  const SampleAxis axis = sample_axis(dataset.shape, 1, place.transposed);
  if (axis == SampleAxis::only || classes == 1 || units_in(dataset.shape, axis) == 1) {
    check_sizes(dataset, place, samples, 1, "labels");
    std::vector<double> labels(samples);
    read_blocks(dataset, axis, samples, 1, [&](std::size_t sample, std::size_t, double v) { labels[sample] = v; });
    return classes_of_labels(dataset.name, labels, classes, first);
  }
  check_sizes(dataset, place, samples, classes, "1 at the class and 0 at the others; or a single label per sample");
  OneHot one_hot(dataset.name, samples, classes, first);
  read_blocks(dataset, axis, samples, classes,
              [&](std::size_t sample, std::size_t unit, double v) { one_hot.take(sample, unit, v); });
  return std::move(one_hot).classes();
}

}  // namespace dynvert
