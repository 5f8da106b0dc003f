#pragma once

/// Where a run's records go. The engine knows this interface; RunFile (HDF5) and a test's memory implement it.

#include <dynvert/sim/hdf5/attribute.hpp>
#include <dynvert/sim/record/table.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

class Recorder {
 public:
  virtual ~Recorder() = default;

  /// @param expected_rows  how many rows will come at most, where that is known
  /// @return the number by which the group is named below
  virtual std::size_t add_group(const GroupSpec& spec, std::size_t expected_rows) = 0;
  /// Trials of an earlier run that the recorder resumes; nothing: the recorder is new. Groups that are added have
  /// the rows that they had at its last commit.
  [[nodiscard]] virtual std::optional<std::size_t> continues() const = 0;
  [[nodiscard]] virtual std::size_t rows(std::size_t group) const = 0;
  /// Rows that exist, of a dataset of the group. @return C order
  [[nodiscard]] virtual std::vector<double> read(std::size_t group, const std::string& dataset, std::size_t first,
                                                 std::size_t count) = 0;
  /// Forgets the rows from `rows` on.
  virtual void truncate(std::size_t group, std::size_t rows) = 0;

  /// A group for what a run needs to be resumed. @return the number by which it is named below
  virtual std::size_t add_state(const GroupSpec& spec) = 0;
  /// One row, which the next commit puts in the place of the one before.
  virtual void put_state(std::size_t group, const Rows& row) = 0;
  /// The row of the last commit; nothing where there is none.
  [[nodiscard]] virtual std::optional<Rows> state(std::size_t group) = 0;
  /// The group is needed no longer.
  virtual void drop_state(std::size_t group) = 0;

  /// Appends all rows to the group's datasets.
  virtual void append(std::size_t group, const Rows& rows) = 0;
  /// Rows that exist: to := from / divisor, for two real datasets of the group with one value a row.
  virtual void fill_ratio(std::size_t group, const std::string& to, const std::string& from, double divisor) = 0;
  /// @param object  path of a group, "/" for the root
  virtual void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) = 0;
  /// Of an earlier run that the recorder resumes, or as set; nothing: there is none.
  [[nodiscard]] virtual std::optional<AttributeValue> attribute(const std::string& object,
                                                                const std::string& name) const = 0;
  /// Everything appended so far belongs to the first `trials` trials, and is made durable.
  virtual void commit(std::size_t trials) = 0;
  /// The last call: commits, and says how the run has ended. @param status  "complete" | "interrupted" | "diverged"
  virtual void finish(const std::string& status, std::size_t trials) = 0;
};

}  // namespace dynvert
