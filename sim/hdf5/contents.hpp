#pragma once

/// What a file of somebody else's holds, for messages that say it.

#include <dynvert/sim/hdf5/hdf5.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace dynvert::h5 {

/// "float64", "uint8", "boolean", "text", "compound values (r, i)"
[[nodiscard]] std::string type_text(const Dataset& dataset);
/// Whether its values become numbers: real, whole, or the booleans of h5py; MATLAB's text does not, though it is whole.
[[nodiscard]] bool holds_numbers(const Dataset& dataset);

/// "60000 x 784"; "a single value"
[[nodiscard]] std::string shape_text(const std::vector<std::size_t>& shape);

struct Item {
  std::string name;
  bool is_group = false;
  bool numbers = false;            ///< a dataset that becomes numbers
  std::string type;                ///< of a dataset
  std::vector<std::size_t> shape;  ///< of a dataset

  /// "X (1797 x 64, float64)", "train (group)"
  [[nodiscard]] std::string text() const;
};

/// What stands in a group, MATLAB's own objects left out; what cannot be opened is left out, too.
/// @param most  so many of it
[[nodiscard]] std::vector<Item> items(const File& file, const std::string& group, std::size_t most = 1000);
/// "X (1797 x 64, float64), y (1797, int64) and 3 more"; "nothing"
[[nodiscard]] std::string items_text(const std::vector<Item>& items);

}  // namespace dynvert::h5
