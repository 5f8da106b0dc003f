#pragma once

/// The state of a circuit: one flat array that the odeint steppers advance, and how populations lie in it.

#include <armadillo>
#include <boost/align/aligned_allocator.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace dynvert {

/// Rows of a population are padded to this many doubles (one 512-bit register), so that the kernels need no remainder
/// loops. Padding is zero and stays zero.
inline constexpr std::size_t row_padding = 8;

[[nodiscard]] constexpr std::size_t padded(std::size_t rows) noexcept {
  return (rows + row_padding - 1) / row_padding * row_padding;
}

/// The state of all populations and all columns (trials). A std::vector rather than an Armadillo type: odeint resizes
/// it in its steppers without a specialisation of is_resizeable, and its range algebra runs over it.
using State = std::vector<double, boost::alignment::aligned_allocator<double, 64>>;

/// A units x columns block inside a larger array; column c starts at data + c * stride, where a stride of 0 is of a
/// block that all columns share. Does not own.
template <typename T>
struct BasicMatrixView {
  T* data = nullptr;
  std::size_t units = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;

  [[nodiscard]] T& operator()(std::size_t unit, std::size_t column) const { return data[column * stride + unit]; }
  [[nodiscard]] std::span<T> column(std::size_t c) const { return {data + c * stride, units}; }
};
using MatrixView = BasicMatrixView<double>;
using ConstMatrixView = BasicMatrixView<const double>;

/// Copies a matrix of the view's shape into the view. @throws ValueError on another shape.
void assign(const MatrixView& view, const arma::mat& values);
void fill(const MatrixView& view, double value);
/// @return the view's values, units x columns
[[nodiscard]] arma::mat to_matrix(const ConstMatrixView& view);

/// Whether any value of a state, padding included, is not finite or beyond the limit.
[[nodiscard]] bool any_out_of_range(std::span<const double> x, double limit);

/// Where each population's block lies: population-major, within a block column after column. The last blocks may be
/// shared by all columns: weights that move.
class Layout {
 public:
  Layout() = default;
  /// @param shared  the number of blocks that columns share
  Layout(std::vector<std::size_t> units, std::size_t columns, std::size_t shared = 0);

  [[nodiscard]] std::size_t populations() const noexcept { return units_.size(); }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  [[nodiscard]] std::size_t units(std::size_t p) const { return units_[p]; }
  [[nodiscard]] std::size_t stride(std::size_t p) const { return p < first_shared_ ? padded(units_[p]) : 0; }
  [[nodiscard]] std::size_t offset(std::size_t p) const { return offsets_[p]; }
  /// length of a state, padding included
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// number of variables of one column, padding excluded: the order of the Jacobian
  [[nodiscard]] std::size_t variables() const noexcept { return variables_; }
  /// position of population p's first variable in a column's vector without padding
  [[nodiscard]] std::size_t variable_offset(std::size_t p) const { return variable_offsets_[p]; }

  [[nodiscard]] MatrixView view(std::span<double> x, std::size_t p) const {
    return {x.data() + offsets_[p], units_[p], columns_, stride(p)};
  }
  [[nodiscard]] ConstMatrixView view(std::span<const double> x, std::size_t p) const {
    return {x.data() + offsets_[p], units_[p], columns_, stride(p)};
  }

  /// One column without padding, populations one after the other (`variables()` values), and back.
  [[nodiscard]] arma::vec gather(std::span<const double> x, std::size_t column) const;
  void scatter(const arma::vec& values, std::size_t column, std::span<double> x) const;

  bool operator==(const Layout&) const = default;

 private:
  std::vector<std::size_t> units_, offsets_, variable_offsets_;
  std::size_t columns_ = 0, size_ = 0, variables_ = 0, first_shared_ = 0;
};

}  // namespace dynvert
