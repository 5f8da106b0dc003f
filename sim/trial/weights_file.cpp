#include <dynvert/sim/trial/weights_file.hpp>

#include <dynvert/sim/hdf5/hdf5.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace dynvert {
namespace {

std::string product(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text.empty() ? "a single value" : text;
}

/// The row of the snapshot that was taken after so many trials.
std::size_t snapshot_row(const h5::File& file, const std::string& group, const h5::Dataset& dataset, int snapshot) {
  if (dataset.shape[0] == 0) throw IoError(dataset.name, "has no snapshot");
  if (snapshot < 0) return dataset.shape[0] - 1;
  if (!h5::has(file, group + "/snapshot")) throw IoError(dataset.name, "has snapshots, but no dataset names them");
  const h5::Dataset names = h5::open_dataset(file, group + "/snapshot");
  std::string known;
  if (names.shape == std::vector<std::size_t>{dataset.shape[0]}) {
    const std::vector<double> trials = h5::read_rows(names, 0, names.shape[0]);
    const auto found = std::find(trials.begin(), trials.end(), static_cast<double>(snapshot));
    if (found != trials.end()) return static_cast<std::size_t>(found - trials.begin());
    constexpr std::size_t max_named = 20;
    for (std::size_t i = 0; i < trials.size() && i < max_named; ++i) known += fmt::format(" {:.0f}", trials[i]);
    if (trials.size() > max_named) known += " ..";
  }
  throw IoError(dataset.name, fmt::format("has no snapshot after {} trials", snapshot), "one of" + known);
}

/// The values of GROUP/NAME, or of one of its snapshots, in C order.
std::optional<std::vector<double>> read_values(const std::string& path, const std::string& group,
                                               const std::string& name, const std::vector<std::size_t>& expected,
                                               const std::string& meaning, int snapshot) {
  const h5::File file = h5::open_file(path);
  std::string base = group.starts_with('/') ? group : "/" + group;
  while (base.ends_with('/')) base.pop_back();
  if (!base.empty() && !h5::is_group(file, base)) throw IoError(path + ":" + base, "is not a group of the file");
  if (!h5::has(file, base + "/" + name)) return std::nullopt;

  const h5::Dataset dataset = h5::open_dataset(file, base + "/" + name);
  const bool snapshots = dataset.shape.size() == expected.size() + 1;
  const std::size_t leading = snapshots ? 1 : 0;
  if (dataset.shape.size() < expected.size() ||
      !std::equal(dataset.shape.begin() + static_cast<std::ptrdiff_t>(leading), dataset.shape.end(), expected.begin(),
                  expected.end())) {
    throw IoError(dataset.name, "is " + product(dataset.shape) + ", expected " + product(expected) +
                                    (meaning.empty() ? "" : " (" + meaning + ")"));
  }
  if (!snapshots && snapshot >= 0) throw IoError(dataset.name, "has no snapshots", "leave out the key snapshot");
  std::vector<double> values = snapshots ? h5::read_rows(dataset, snapshot_row(file, base, dataset, snapshot), 1)
                                         : h5::read_rows(dataset, 0, dataset.shape[0]);
  const auto bad = std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    throw IoError(dataset.name, "holds " + std::to_string(*bad) + " at position " +
                                    std::to_string(bad - values.begin()) + " (C order), expected finite values");
  }
  return values;
}

}  // namespace

std::optional<arma::mat> read_matrix(const std::string& path, const std::string& group, const std::string& name,
                                     std::size_t rows, std::size_t cols, const std::string& meaning, int snapshot) {
  auto values = read_values(path, group, name, {rows, cols}, meaning, snapshot);
  if (!values) return std::nullopt;
  // Armadillo keeps columns together, the file rows.
  return arma::mat(arma::mat(values->data(), cols, rows, false, true).t());
}

std::optional<arma::vec> read_vector(const std::string& path, const std::string& group, const std::string& name,
                                     std::size_t size, const std::string& meaning, int snapshot) {
  auto values = read_values(path, group, name, {size}, meaning, snapshot);
  if (!values) return std::nullopt;
  return arma::vec(*values);
}

}  // namespace dynvert
