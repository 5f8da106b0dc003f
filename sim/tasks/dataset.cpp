#include <dynvert/models/error.hpp>
#include <dynvert/sim/tasks/dataset.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace dynvert {

SampleTable SampleTable::reals(arma::mat values) {
  SampleTable table;
  table.units_ = values.n_rows;
  table.samples_ = values.n_cols;
  table.values_ = std::make_shared<const arma::mat>(std::move(values));
  return table;
}

SampleTable SampleTable::bytes(std::size_t units, std::vector<std::uint8_t> values) {
  if (units == 0 || values.size() % units != 0) {
    throw ValueError("samples", fmt::format("{} bytes for {} units", values.size(), units),
                     "a whole number of samples");
  }
  SampleTable table;
  table.units_ = units;
  table.samples_ = values.size() / units;
  std::vector<double> meaning(256);
  std::iota(meaning.begin(), meaning.end(), 0.0);
  table.values_ = Bytes{std::make_shared<const std::vector<std::uint8_t>>(std::move(values)), std::move(meaning)};
  return table;
}

SampleTable SampleTable::classes(std::size_t units, std::vector<std::uint32_t> classes) {
  const auto too_large = std::ranges::find_if(classes, [&](std::uint32_t c) { return c >= units; });
  if (too_large != classes.end()) {
    throw ValueError("samples", fmt::format("class {} of sample {}", *too_large, too_large - classes.begin()),
                     fmt::format("0 to {}, one for each output", units - 1));
  }
  SampleTable table;
  table.units_ = units;
  table.samples_ = classes.size();
  table.values_ = std::make_shared<const std::vector<std::uint32_t>>(std::move(classes));
  return table;
}

std::span<const std::uint32_t> SampleTable::class_numbers() const {
  const auto* classes = std::get_if<Classes>(&values_);
  return classes != nullptr ? std::span<const std::uint32_t>(**classes) : std::span<const std::uint32_t>();
}

SampleTable::Moments SampleTable::moments() const {
  const auto n = static_cast<double>(units_ * samples_);
  if (const auto* reals = std::get_if<Reals>(&values_)) {
    const arma::mat& values = **reals;
    const double mean = arma::accu(values) / n;
    double squares = 0;
    for (const double v : values) squares += (v - mean) * (v - mean);
    return {mean, std::sqrt(squares / n)};
  }
  if (const auto* bytes = std::get_if<Bytes>(&values_)) {
    std::array<std::size_t, 256> counts{};
    for (const std::uint8_t b : *bytes->values) ++counts[b];
    double mean = 0;
    for (std::size_t b = 0; b < 256; ++b) mean += static_cast<double>(counts[b]) * bytes->meaning[b] / n;
    double variance = 0;
    for (std::size_t b = 0; b < 256; ++b) {
      variance += static_cast<double>(counts[b]) * (bytes->meaning[b] - mean) * (bytes->meaning[b] - mean) / n;
    }
    return {mean, std::sqrt(variance)};
  }
  const double mean = 1 / static_cast<double>(units_);
  return {mean, std::sqrt(mean * (1 - mean))};
}

SampleTable SampleTable::rescaled(double shift, double divisor) const {
  SampleTable table = *this;
  if (const auto* reals = std::get_if<Reals>(&values_)) {
    table.values_ = std::make_shared<const arma::mat>((**reals - shift) / divisor);
  } else if (auto* bytes = std::get_if<Bytes>(&table.values_)) {
    for (double& v : bytes->meaning) v = (v - shift) / divisor;
  } else {
    throw ValueError("samples", "classes cannot be rescaled", "reals or bytes");
  }
  return table;
}

void SampleTable::write(std::size_t sample, double* to) const {
  if (const auto* reals = std::get_if<Reals>(&values_)) {
    std::copy_n((*reals)->colptr(sample), units_, to);
  } else if (const auto* bytes = std::get_if<Bytes>(&values_)) {
    const std::uint8_t* from = bytes->values->data() + sample * units_;
    for (std::size_t i = 0; i < units_; ++i) to[i] = bytes->meaning[from[i]];
  } else {
    std::fill_n(to, units_, 0.0);
    to[(*std::get<Classes>(values_))[sample]] = 1;
  }
}

void SampleTable::gather(std::span<const std::size_t> samples, arma::mat& to) const {
  to.set_size(units_, samples.size());
  for (std::size_t c = 0; c < samples.size(); ++c) write(samples[c], to.colptr(c));
}

arma::mat SampleTable::view(std::size_t first, std::size_t count, arma::mat& scratch) const {
  if (const auto* reals = std::get_if<Reals>(&values_)) {
    return arma::mat(const_cast<double*>((*reals)->colptr(first)), units_, count, false, true);
  }
  scratch.set_size(units_, count);
  for (std::size_t c = 0; c < count; ++c) write(first + c, scratch.colptr(c));
  return arma::mat(scratch.memptr(), units_, count, false, true);
}

}  // namespace dynvert
