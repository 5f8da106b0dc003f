#pragma once

/// A table of the file whose columns are each written in one place: the specification of the dataset, and the function
/// that fills it. Nothing depends on the order in which columns are listed but their order in the file.

#include <dynvert/sim/record/table.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

/// @tparam Row  what a row is made of: a plain struct ("a trial", "an evaluation")
template <typename Row>
class Table {
 public:
  /// Appends the row's values of one dataset, in C order.
  using Fill = std::function<void(const Row&, std::vector<double>& values)>;
  /// A dataset of one number a row.
  using Value = std::function<double(const Row&)>;

  /// No datasets: the table is not recorded.
  Table() = default;
  Table(std::string path, std::string row_dimension)
      : spec_{.path = std::move(path), .row_dimension = std::move(row_dimension)} {}

  void add(DatasetSpec dataset, Fill fill) {
    spec_.datasets.push_back(std::move(dataset));
    fill_.push_back(std::move(fill));
  }
  void add_number(DatasetSpec dataset, Value value) {
    add(std::move(dataset),
        [value = std::move(value)](const Row& row, std::vector<double>& values) { values.push_back(value(row)); });
  }
  void add_axis(Axis axis) { spec_.axes.push_back(std::move(axis)); }
  /// Of the group itself.
  void set_attribute(std::string name, std::string value) {
    spec_.attributes.emplace_back(std::move(name), std::move(value));
  }
  [[nodiscard]] bool has_axis(const std::string& name) const {
    return std::ranges::find(spec_.axes, name, &Axis::name) != spec_.axes.end();
  }

  [[nodiscard]] const GroupSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] bool empty() const noexcept { return spec_.datasets.empty(); }
  /// @param rows  made of spec()
  void append(const Row& row, Rows& rows) const {
    for (std::size_t k = 0; k < fill_.size(); ++k) fill_[k](row, rows.values[k]);
    ++rows.count;
  }

 private:
  GroupSpec spec_;
  std::vector<Fill> fill_;
};

}  // namespace dynvert
