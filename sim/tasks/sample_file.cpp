#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/tasks/sample_file.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

constexpr std::size_t values_at_a_time = std::size_t{1} << 20;

struct Opened {
  h5::File file;
  h5::Dataset dataset;
};

Opened open_samples(const std::string& path, const std::string& group, const std::string& name) {
  h5::File file = h5::open_file(path);
  std::string base = group;
  while (base.ends_with('/')) base.pop_back();
  if (!base.empty() && !h5::is_group(file, base)) throw IoError(path + ":" + base, "is not a group of the file");
  if (!h5::has(file, base + "/" + name)) {
    throw IoError(fmt::format("{}:{}", path, group), fmt::format("has no dataset {}", name),
                  "x (sample, input), and t (sample, output) for values or labels (sample) for classes; task.targets "
                  "says which");
  }
  h5::Dataset dataset = h5::open_dataset(file, base + "/" + name);
  if (dataset.shape.empty())
    throw IoError(dataset.name, "is a single value", "an array whose first axis is the sample");
  return {std::move(file), std::move(dataset)};
}

std::size_t units_of(const h5::Dataset& dataset) {
  std::size_t n = 1;
  for (std::size_t i = 1; i < dataset.shape.size(); ++i) {
    // far beyond any network; and no product overflows
    if (dataset.shape[i] != 0 && n > (std::size_t{1} << 32) / dataset.shape[i]) return std::size_t{1} << 33;
    n *= dataset.shape[i];
  }
  return n;
}

void check_sizes(const h5::Dataset& dataset, std::size_t samples, std::size_t units, const std::string& meaning) {
  if (units_of(dataset) != units) {
    throw IoError(
        dataset.name,
        fmt::format("is {}, expected {} values per sample ({})", fmt::join(dataset.shape, " x "), units, meaning),
        "the sample as the first axis (in MATLAB the last), and network.layers as the file has it");
  }
  if (samples > dataset.shape[0]) {
    throw IoError(dataset.name, fmt::format("holds {} samples, but {} were requested", dataset.shape[0], samples),
                  fmt::format("at most {} in task.samples or task.test_samples", dataset.shape[0]));
  }
}

/// Calls `take(position, value)` for every value of the first samples.
template <typename Take>
void read_blocks(const h5::Dataset& dataset, std::size_t samples, std::size_t units, const Take& take) {
  const std::size_t rows = std::max<std::size_t>(1, values_at_a_time / units);
  for (std::size_t first = 0; first < samples; first += rows) {
    const std::vector<double> values = h5::read_rows(dataset, first, std::min(rows, samples - first));
    for (std::size_t i = 0; i < values.size(); ++i) take(first * units + i, values[i]);
  }
}

}  // namespace

std::size_t count_samples(const std::string& path, const std::string& group, const std::string& name) {
  return open_samples(path, group, name).dataset.shape[0];
}

SampleTable read_samples(const std::string& path, const std::string& group, const std::string& name,
                         std::size_t samples, std::size_t units, const std::string& meaning) {
  const Opened opened = open_samples(path, group, name);
  const h5::Dataset& dataset = opened.dataset;
  check_sizes(dataset, samples, units, meaning);
  if (dataset.type == h5::Type::uint8) {
    std::vector<std::uint8_t> bytes(samples * units);
    read_blocks(dataset, samples, units, [&](std::size_t i, double v) { bytes[i] = static_cast<std::uint8_t>(v); });
    return SampleTable::bytes(units, std::move(bytes));
  }
  arma::mat values(units, samples, arma::fill::none);
  read_blocks(dataset, samples, units, [&](std::size_t i, double v) {
    if (!std::isfinite(v)) {
      throw IoError(dataset.name, fmt::format("holds {} at position {} of sample {}, expected finite values", v,
                                              i % units, i / units));
    }
    values[i] = v;
  });
  return SampleTable::reals(std::move(values));
}

SampleTable read_labels(const std::string& path, const std::string& group, const std::string& name, std::size_t samples,
                        std::size_t classes) {
  const Opened opened = open_samples(path, group, name);
  const h5::Dataset& dataset = opened.dataset;
  check_sizes(dataset, samples, 1, "labels");
  std::vector<std::uint32_t> labels(samples);
  read_blocks(dataset, samples, 1, [&](std::size_t i, double v) {
    if (!(v >= 0) || v >= static_cast<double>(classes) || v != std::floor(v)) {
      throw IoError(dataset.name,
                    fmt::format("holds the label {} of sample {}, but the network has {} outputs", v, i, classes),
                    fmt::format("whole numbers from 0 to {}, or a last layer with more units", classes - 1));
    }
    labels[i] = static_cast<std::uint32_t>(v);
  });
  return SampleTable::classes(classes, std::move(labels));
}

}  // namespace dynvert
