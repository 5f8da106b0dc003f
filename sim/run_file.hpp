#pragma once

/// The file of one run, format dynvert-1 (docs/file-format.md), written from the specifications of sim/table.hpp.
/// Nothing in here knows of models or tasks.

#include <dynvert/sim/hdf5.hpp>
#include <dynvert/sim/table.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// Names the format in the root attribute Conventions.
inline constexpr const char* file_conventions = "dynvert-1";

struct RunFileOptions {
  bool overwrite = false;  ///< replace an existing dynvert file
  int compression = 0;     ///< gzip level 0..9; 0: none
};

/// Writes one file. Rows are buffered a chunk a dataset, and the file on disk changes only at commits: a process that
/// dies, or an object that is destroyed without finish(), leaves it as the last one left it. Every method throws
/// IoError when the file cannot be written (a full disk); after that each further call throws the same, and the file
/// keeps what was committed. The destructor never throws. One thread at a time.
class RunFile {
 public:
  /// A group that rows are appended to.
  struct Group {
    std::size_t index = 0;
  };

  /// Creates the file under a temporary name beside `path`, with the root attributes Conventions, complete = 0,
  /// trials_committed = 0, status = "interrupted" and those given, and then moves it in place. Until finish() no other
  /// process can open it for writing.
  /// @throws IoError when `path` exists and overwrite was not asked; when what stands there is no dynvert file, or one
  ///         that another process is writing; when the folder is missing or cannot be written
  [[nodiscard]] static RunFile create(const std::string& path, const RunFileOptions& options,
                                      const std::vector<Attribute>& attributes);

  RunFile(RunFile&& other) noexcept;
  RunFile& operator=(RunFile&&) = delete;
  ~RunFile();

  [[nodiscard]] const std::string& path() const noexcept { return file_.path; }

  /// Creates a group, its axes and its empty datasets.
  /// @param expected_rows  how many rows will come, if known: small datasets then take no more room than they need
  /// @throws ValueError for names that do not match [A-Za-z_][A-Za-z0-9_]*, repeated names, unknown or empty axes
  Group add_group(const GroupSpec& spec, std::optional<std::size_t> expected_rows = std::nullopt);

  /// Appends rows.count rows. A dataset whose buffer is empty keeps its fill value (NaN, -1) in these rows; the first
  /// dataset, the row dimension, must have its values. `rows` is not changed.
  /// @throws ValueError for buffers of a wrong size, and for integer datasets with values that are not whole
  void append(Group group, const Rows& rows);

  /// "/models/DI/eval"
  [[nodiscard]] const std::string& path_of(Group group) const;

  /// Rows that a group has.
  [[nodiscard]] std::size_t rows(Group group) const;

  /// Creates or changes an attribute of the group or dataset at this path.
  void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value);

  /// Writes a dataset of fixed size.
  /// @param group   its group, created where missing
  /// @param axes    one for each axis of the dataset, in order; one of the same name and length may be there already
  /// @param spec    spec.axes is not looked at
  /// @param values  C order
  void write_once(const std::string& group, const std::vector<Axis>& axes, const DatasetSpec& spec,
                  std::span<const double> values);

  /// Reads rows of an appended dataset back ("/models/DI/eval/train_loss").
  /// @return count x (values in a row), C order
  [[nodiscard]] std::vector<double> read_back(const std::string& dataset, std::size_t first, std::size_t count);

  /// Replaces rows of an appended dataset.
  void rewrite(const std::string& dataset, std::size_t first, std::span<const double> values);

  /// Sets trials_committed and hands all that was appended so far to the operating system. Readers may trust it from
  /// here on; rows past these trials may be there too. Every dataset's partly filled chunk is gone through, so commits
  /// of single rows are dear.
  void commit(std::int64_t trials);

  /// Sets status ("complete" | "interrupted" | "diverged") and complete = 1 for "complete", commits, has the operating
  /// system write everything to the disk, and closes. Nothing else can be called after it.
  void finish(const std::string& status);

 private:
  struct Series {
    GroupSpec spec;
    std::vector<h5::Dataset> datasets;
    std::vector<std::size_t> row_sizes;
    std::size_t rows = 0;
  };
  struct Place {
    Series* series;
    std::size_t index;
  };

  RunFile(std::unique_ptr<StagedFile> target, h5::File file, int compression);

  void store();
  void limit_memory();
  void check_open() const;
  void check_written() const;
  void write_header(const std::vector<Attribute>& attributes);
  void describe(const h5::Dataset& dataset, const DatasetSpec& spec);
  h5::Dataset write_axis(const std::string& group, const Axis& axis);
  Place find(const std::string& dataset);

  std::unique_ptr<StagedFile> target_;
  h5::File file_;
  std::vector<Series> series_;
  int compression_;
  std::int64_t committed_ = 0;
};

}  // namespace dynvert
