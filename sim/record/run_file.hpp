#pragma once

/// The file of one run, format dynvert-1 (docs/file-format.md), written from the specifications of
/// sim/record/table.hpp. Nothing in here knows of models or tasks.

#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/record/table.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// Attribute of a table's row dimension: the rows that the last commit guarantees.
inline constexpr const char* rows_committed_attribute = "rows_committed";

/// Names the format in the root attribute Conventions.
inline constexpr const char* file_conventions = "dynvert-1";

struct RunFileOptions {
  bool overwrite = false;  ///< replace an existing dynvert file
  int compression = 0;     ///< gzip level 0..9; 0: none
  bool durable = false;    ///< commits wait for the disk, so that they outlive a machine that stops
};

/// Writes one file. Rows are buffered a chunk a dataset, and the file on disk changes only at commits: a process that
/// dies, or an object that is destroyed without finish(), leaves it as the last one left it; one that dies within a
/// commit may leave a file that reopen() mends. Every method throws IoError when the file cannot be written (a full
/// disk); after that each further call throws the same, and the file keeps what was committed. The destructor never
/// throws. One thread at a time.
///
/// Each table's row dimension has an attribute rows_committed: the rows that the last commit guarantees.
class RunFile {
 public:
  /// A group that rows are appended to, or one of add_state.
  struct Group {
    std::size_t index = 0;
  };

  /// Creates the file under a temporary name beside `path`, with the root attributes Conventions, complete = 0,
  /// trials_committed = 0, status = "interrupted" and those given, and then moves it in place. Until finish() no other
  /// process can open it for writing.
  /// @throws IoError when `path` exists and overwrite was not asked; when what is there is no dynvert file, or one
  ///         that another process is writing; when the folder is missing or cannot be written
  [[nodiscard]] static RunFile create(const std::string& path, const RunFileOptions& options,
                                      const std::vector<Attribute>& attributes);

  /// The same in a file that is open already, is empty, and has no other writer: one in memory. Nothing has to be
  /// moved.
  /// @param descriptor  open for reading and writing; the object closes it
  /// @param name        by which messages call it
  [[nodiscard]] static RunFile create_in(int descriptor, const std::string& name, const RunFileOptions& options,
                                         const std::vector<Attribute>& attributes);

  /// Opens the file of a run that has not ended, to resume it: a commit that was cut short is finished. Groups that
  /// are added have the rows of the last commit; no row after those stays.
  /// @throws IoError when the file is missing, not one of the format, being written, or damaged
  [[nodiscard]] static RunFile reopen(const std::string& path, const RunFileOptions& options);

  RunFile(RunFile&& other) noexcept;
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;
  RunFile& operator=(RunFile&&) = delete;
  ~RunFile();

  [[nodiscard]] const std::string& path() const noexcept { return file_.path; }

  /// trials_committed
  [[nodiscard]] std::int64_t committed() const noexcept { return committed_; }

  [[nodiscard]] bool reopened() const noexcept { return reopened_; }

  /// Whether reopen() had to finish a commit.
  [[nodiscard]] bool mended() const noexcept { return mended_; }

  /// Whether the file system could lock the file; false: another process that writes it would not be noticed.
  [[nodiscard]] bool has_locks() const noexcept { return file_.has_locks; }

  /// gzip level of the datasets that are made from now on
  void set_compression(int level) noexcept { compression_ = level; }

  /// Creates a group, its axes and its empty datasets. In a file that was reopened, a group that is there already.
  /// @param expected_rows  how many rows will come, if known: small datasets then take no more room than they need
  /// @throws ValueError for names that do not match [A-Za-z_][A-Za-z0-9_]*, repeated names, unknown or empty axes;
  ///         IoError for a group of another layout in a reopened file
  Group add_group(const GroupSpec& spec, std::optional<std::size_t> expected_rows = std::nullopt);

  /// Appends rows.count rows. A dataset whose buffer is empty keeps its fill value (NaN, -1) in these rows; the first
  /// dataset, the row dimension, must have its values. `rows` is not changed.
  /// @throws ValueError for buffers of a wrong size, and for integer datasets with values that are not whole
  void append(Group group, const Rows& rows);

  /// Forgets the rows from `rows` on.
  void truncate(Group group, std::size_t rows);

  /// Creates a group whose datasets have two rows, of which each commit points to one (attribute slot_committed of the
  /// row dimension): what a run needs to be resumed. In a reopened file, the group that is there already.
  Group add_state(const GroupSpec& spec);

  /// Writes the row that the last commit does not point to; the next one will. The buffer of the row dimension is
  /// empty.
  /// @throws ValueError as append
  void put_state(Group group, const Rows& row);

  /// The row that the last commit points to; nothing where there is none.
  [[nodiscard]] std::optional<Rows> state(Group group);

  /// Removes what put_state wrote, for good.
  void drop_state(Group group);

  /// "/models/DI/eval"
  [[nodiscard]] const std::string& path_of(Group group) const;

  /// Rows that a group has.
  [[nodiscard]] std::size_t rows(Group group) const;

  /// An attribute of the group or dataset at this path; nothing where there is none.
  [[nodiscard]] std::optional<AttributeValue> attribute(const std::string& object, const std::string& name) const;

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

  /// Drops from every table of a reopened file the rows that came after the last commit. No group may have been added.
  /// @return rows dropped, of all tables together
  std::size_t keep_committed();

  /// Sets status ("complete" | "interrupted" | "diverged") and complete = 1 for "complete", commits, has the operating
  /// system write everything to the disk, and closes. Nothing else can be called after it.
  /// @param trials  of the commit; none: those of the last one
  void finish(const std::string& status, std::optional<std::int64_t> trials = std::nullopt);

 private:
  struct Series {
    GroupSpec spec;
    std::vector<h5::Dataset> datasets = {};
    std::vector<std::size_t> row_sizes = {};
    std::size_t rows = 0;
    std::optional<std::size_t> rows_committed = {};
    bool is_state = false;
    std::optional<std::size_t> slot = {};          // of a state: the row of the last commit,
    std::optional<std::size_t> slot_written = {};  // and that of the next
  };
  struct Place {
    Series* series;
    std::size_t index;
  };

  RunFile(std::unique_ptr<TransactionalFile> target, h5::File file, int compression);

  void check_spec(const GroupSpec& spec) const;
  [[nodiscard]] bool is_there(const GroupSpec& spec) const;
  [[nodiscard]] Series create_series(const GroupSpec& spec, std::optional<std::size_t> expected_rows, bool is_state);
  [[nodiscard]] Series find_series(const GroupSpec& spec, bool is_state);
  void check_rows(const Series& series, const Rows& rows) const;
  void store();
  void limit_memory();
  void check_open() const;
  void check_written() const;
  void write_header(const std::vector<Attribute>& attributes);
  void describe(const h5::Dataset& dataset, const DatasetSpec& spec);
  h5::Dataset write_axis(const std::string& group, const Axis& axis);
  Place find(const std::string& dataset);

  std::unique_ptr<TransactionalFile> target_;
  h5::File file_;
  std::vector<Series> series_;
  int compression_;
  bool reopened_ = false;
  bool mended_ = false;
  std::int64_t committed_ = 0;
};

}  // namespace dynvert
