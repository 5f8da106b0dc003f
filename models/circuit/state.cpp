#include <dynvert/models/circuit/state.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

void assign(const MatrixView& view, const arma::mat& values) {
  if (values.n_rows != view.units || values.n_cols != view.columns) {
    throw ValueError("block of a state", fmt::format("values are {}x{}", values.n_rows, values.n_cols),
                     fmt::format("{}x{} (units x columns)", view.units, view.columns));
  }
  for (std::size_t c = 0; c < view.columns; ++c) std::copy_n(values.colptr(c), view.units, view.data + c * view.stride);
}

void fill(const MatrixView& view, double value) {
  for (std::size_t c = 0; c < view.columns; ++c) std::ranges::fill(view.column(c), value);
}

arma::mat to_matrix(const ConstMatrixView& view) {
  arma::mat values(view.units, view.columns, arma::fill::none);
  for (std::size_t c = 0; c < view.columns; ++c) std::ranges::copy(view.column(c), values.colptr(c));
  return values;
}

Layout::Layout(std::vector<std::size_t> units, std::size_t columns, std::size_t shared)
    : units_(std::move(units)), columns_(columns), first_shared_(units_.size() - shared) {
  for (std::size_t p = 0; p < units_.size(); ++p) {
    offsets_.push_back(size_);
    variable_offsets_.push_back(variables_);
    size_ += padded(units_[p]) * (p < first_shared_ ? columns_ : 1);
    variables_ += units_[p];
  }
}

arma::vec Layout::gather(std::span<const double> x, std::size_t column) const {
  arma::vec values(variables_, arma::fill::none);
  for (std::size_t p = 0; p < populations(); ++p) {
    std::ranges::copy(view(x, p).column(column), values.memptr() + variable_offsets_[p]);
  }
  return values;
}

void Layout::scatter(const arma::vec& values, std::size_t column, std::span<double> x) const {
  for (std::size_t p = 0; p < populations(); ++p) {
    std::copy_n(values.memptr() + variable_offsets_[p], units_[p], view(x, p).column(column).data());
  }
}

bool any_out_of_range(std::span<const double> x, double limit) {
  // no early exit, so that it vectorises; written so that a NaN counts
  bool bad = false;
  for (const double value : x) bad |= !(std::abs(value) <= limit);
  return bad;
}

}  // namespace dynvert
