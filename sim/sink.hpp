#pragma once

/// Where a run's records go. The engine knows this interface; RunFile (HDF5) and a test's memory implement it.

#include <dynvert/sim/attribute.hpp>
#include <dynvert/sim/table.hpp>

#include <cstddef>
#include <string>

namespace dynvert {

class Sink {
 public:
  virtual ~Sink() = default;

  /// @param expected_rows  how many rows will come at most, where that is known
  /// @return the number by which the group is named below
  virtual std::size_t add_group(const GroupSpec& spec, std::size_t expected_rows) = 0;
  /// Appends all rows to the group's datasets.
  virtual void append(std::size_t group, const Rows& rows) = 0;
  /// Rows that exist: to := from / divisor, for two real datasets of the group with one value a row.
  virtual void fill_ratio(std::size_t group, const std::string& to, const std::string& from, double divisor) = 0;
  /// @param object  path of a group, "/" for the root
  virtual void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) = 0;
  /// Everything appended so far belongs to the first `trials` trials, and is made durable.
  virtual void commit(std::size_t trials) = 0;
  /// The last call. @param status  "complete" | "interrupted" | "diverged"
  virtual void finish(const std::string& status) = 0;
};

}  // namespace dynvert
