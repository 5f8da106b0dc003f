#pragma once

/// Samples as an experiment holds them: once, in the smallest form that gives the same numbers, shared by all models.

#include <armadillo>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace dynvert {

/// One value for each unit and sample; columns are samples. Cannot be changed; copies share the values.
class SampleTable {
 public:
  SampleTable() = default;

  /// @param values  units x samples
  [[nodiscard]] static SampleTable reals(arma::mat values);
  /// Bytes, one sample after the other; their values are 0 to 255 until they are rescaled.
  [[nodiscard]] static SampleTable bytes(std::size_t units, std::vector<std::uint8_t> values);
  /// Classes: a sample's value is 1 for the unit of its class and 0 for the others. @param classes  each below units
  [[nodiscard]] static SampleTable classes(std::size_t units, std::vector<std::uint32_t> classes);

  [[nodiscard]] std::size_t units() const noexcept { return units_; }
  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
  [[nodiscard]] bool are_bytes() const noexcept { return std::holds_alternative<Bytes>(values_); }
  /// the class of each sample; empty where the values are no classes
  [[nodiscard]] std::span<const std::uint32_t> class_numbers() const;

  /// Mean and deviation over all units and samples: one number each.
  struct Moments {
    double mean = 0, deviation = 0;
  };
  [[nodiscard]] Moments moments() const;
  /// (value - shift) / divisor. @throws ValueError  of classes
  [[nodiscard]] SampleTable rescaled(double shift, double divisor) const;

  /// The values of some samples, units x samples.
  void gather(std::span<const std::size_t> samples, arma::mat& to) const;
  /// The values of samples first .. first + count - 1: a view of them where they are stored as such, else of `scratch`.
  /// Good as long as the table and `scratch`.
  [[nodiscard]] arma::mat view(std::size_t first, std::size_t count, arma::mat& scratch) const;

 private:
  struct Bytes {
    std::shared_ptr<const std::vector<std::uint8_t>> values;
    std::vector<double> meaning;  // of each of the 256
  };
  using Reals = std::shared_ptr<const arma::mat>;
  using Classes = std::shared_ptr<const std::vector<std::uint32_t>>;

  void write(std::size_t sample, double* to) const;

  std::size_t units_ = 0, samples_ = 0;
  std::variant<Reals, Bytes, Classes> values_;
};

/// Inputs and targets of the same samples.
struct Dataset {
  SampleTable x;  ///< n_0 x samples
  SampleTable t;  ///< n_L x samples

  [[nodiscard]] std::size_t samples() const noexcept { return x.samples(); }
};

}  // namespace dynvert
