#include <dynvert/sim/run_file.hpp>
#include <dynvert/sim/temporary_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

namespace dynvert {
namespace {

constexpr std::size_t smallest_chunk = std::size_t{64} << 10;  // bytes
constexpr std::size_t largest_chunk = std::size_t{1} << 20;

/// Changes of committed data that may gather in memory.
constexpr std::size_t most_held = std::size_t{16} << 20;

/// Whole numbers up to here are exact in a double.
constexpr double largest_whole = 9007199254740992.0;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_name(const std::string& name) {
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void check_name(const std::string& what, const std::string& name) {
  if (!is_name(name)) {
    throw ValueError(what, "is named '" + name + "'", "a letter or _, then letters, digits and _");
  }
}

void check_path(const std::string& path) {
  if (path == "/") return;
  if (path.empty() || path.front() != '/') throw ValueError("group '" + path + "'", "has no absolute path", "/NAME/..");
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::size_t next = path.find('/', at + 1);
    check_name("group " + path, path.substr(at + 1, next == std::string::npos ? next : next - at - 1));
    at = next;
  }
}

std::string join(const std::string& group, const std::string& name) {
  return group == "/" ? group + name : group + "/" + name;
}

/// How a dataset is cut: whole rows until a chunk has smallest_chunk bytes; a row above largest_chunk is cut itself,
/// from its first axis on.
/// @param extent  the row dimension, of which the first entry is not looked at, and the axes
std::vector<std::size_t> chunk_shape(std::vector<std::size_t> extent, std::optional<std::size_t> expected_rows) {
  std::size_t bytes = sizeof(double);
  std::size_t axis = extent.size() - 1;
  for (; axis > 0; --axis) {
    if (extent[axis] > largest_chunk / bytes) {
      // Parts of equal size waste least at the end.
      const std::size_t most = largest_chunk / bytes;
      const std::size_t parts = (extent[axis] + most - 1) / most;
      extent[axis] = (extent[axis] + parts - 1) / parts;
      break;
    }
    bytes *= extent[axis];
  }
  if (axis > 0) {
    std::fill(extent.begin(), extent.begin() + static_cast<std::ptrdiff_t>(axis), std::size_t{1});
    return extent;
  }
  extent[0] = std::max<std::size_t>(1, (smallest_chunk + bytes - 1) / bytes);
  if (expected_rows) extent[0] = std::clamp<std::size_t>(*expected_rows, 1, extent[0]);
  return extent;
}

void check_whole(const std::string& name, std::span<const double> values) {
  for (const double v : values) {
    if (!(std::abs(v) <= largest_whole) || v != std::trunc(v)) {
      throw ValueError(name, "is to hold " + std::to_string(v), "whole numbers up to 2^53");
    }
  }
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int value() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

constexpr const char* exists_remedy = "another name for the output, or ask for this file to be overwritten";

/// Opens and locks the file to be replaced. @throws IoError where it must not be
int open_replaceable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw IoError(path, "is not a regular file, and is not overwritten", "another name for the output");
  }
  Descriptor old(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (old.value() < 0) {
    throw IoError(path, std::string("cannot be read, and is not overwritten: ") + std::strerror(errno),
                  "another name for the output");
  }
  // Readers hold shared locks, and may go on reading what they opened.
  if (::flock(old.value(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw IoError(path, "is being written by another process, and is not overwritten",
                  "wait until that is done, or another name for the output");
  }
  std::string conventions;
  try {
    const auto value = h5::read_attribute(h5::open_file(path), "/", "Conventions");
    if (value && std::holds_alternative<std::string>(*value)) conventions = std::get<std::string>(*value);
  } catch (const IoError& error) {
    throw IoError(path, "is not overwritten, because it is no readable dynvert file (" + error.fault() + ")",
                  "another name for the output, or remove the file yourself");
  }
  if (conventions != file_conventions) {
    throw IoError(path, std::string("is not overwritten, because it is not a file of the format ") + file_conventions,
                  "another name for the output, or remove the file yourself");
  }
  return old.release();
}

}  // namespace

RunFile::RunFile(std::unique_ptr<StagedFile> target, h5::File file, int compression)
    : target_(std::move(target)), file_(std::move(file)), compression_(compression) {}

RunFile::RunFile(RunFile&& other) noexcept = default;

RunFile::~RunFile() {
  // In this order: what HDF5 still writes goes to the target, which drops it.
  series_.clear();
  file_.handle.reset();
}

RunFile RunFile::create(const std::string& path, const RunFileOptions& options,
                        const std::vector<Attribute>& attributes) {
  namespace fs = std::filesystem;
  if (path.empty()) throw ValueError("output", "has an empty name", "the path of a file");
  if (options.compression < 0 || options.compression > 9) {
    throw ValueError("compression", "is " + std::to_string(options.compression), "0 to 9");
  }
  std::error_code error;
  fs::path place = fs::absolute(path, error);
  if (fs::is_directory(place, error)) throw IoError(path, "is a folder", "the path of a file in it");
  const bool exists = fs::exists(fs::symlink_status(place, error));
  if (exists && !options.overwrite) throw IoError(path, "exists already", exists_remedy);
  // Behind a link, the file is replaced and the link stays.
  if (exists) place = fs::weakly_canonical(place, error);
  const Descriptor old(exists ? open_replaceable(path) : -1);

  TemporaryFile temporary(place);
  if (::flock(temporary.descriptor(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw IoError(path, "cannot be locked", "another name for the output");
  }
  auto target = std::make_unique<StagedFile>(temporary.release_descriptor());
  h5::File file = h5::create_file(*target, path);
  RunFile run(std::move(target), std::move(file), options.compression);
  run.write_header(attributes);

  if (old.value() >= 0) {
    struct stat before {
    }, now{};
    const bool same = ::fstat(old.value(), &before) == 0 && ::stat(place.c_str(), &now) == 0 &&
                      before.st_ino == now.st_ino && before.st_dev == now.st_dev;
    if (!same) throw IoError(path, "was replaced by another process meanwhile", exists_remedy);
  }
  if (const int fault = temporary.move_to(place, old.value() >= 0); fault == EEXIST) {
    throw IoError(path, "exists already", exists_remedy);
  } else if (fault != 0) {
    throw IoError(path, std::string("cannot be created: ") + std::strerror(fault), "another folder");
  }
  return run;
}

void RunFile::write_header(const std::vector<Attribute>& attributes) {
  h5::write_attribute(file_, "/", "Conventions", std::string(file_conventions));
  h5::write_attribute(file_, "/", "complete", std::int64_t{0});
  h5::write_attribute(file_, "/", "trials_committed", std::int64_t{0});
  h5::write_attribute(file_, "/", "status", std::string("interrupted"));
  for (const Attribute& attribute : attributes) set_attribute("/", attribute.name, attribute.value);
  commit(0);
}

void RunFile::check_open() const {
  if (!file_.handle.open()) throw ValueError(file_.path, "is finished", "writing before finish()");
  check_written();
}

void RunFile::check_written() const {
  if (target_->error() == 0) return;
  throw IoError(file_.path, std::string("cannot be written: ") + std::strerror(target_->error()),
                "more room, or another disk; " + std::to_string(committed_) + " trials are in the file");
}

void RunFile::describe(const h5::Dataset& dataset, const DatasetSpec& spec) {
  const std::string path = dataset.name.substr(file_.path.size() + 1);
  h5::write_attribute(file_, path, "units", spec.units);
  h5::write_attribute(file_, path, "long_name", spec.description);
  if (!spec.legend.empty()) h5::write_attribute(file_, path, "legend", spec.legend);
}

h5::Dataset RunFile::write_axis(const std::string& group, const Axis& axis) {
  check_name("axis in " + group, axis.name);
  const std::string path = join(group, axis.name);
  if (axis.values.empty()) throw ValueError("axis " + path, "has no values", "one or more");
  if (axis.integer) check_whole("axis " + path, axis.values);
  h5::Dataset scale = h5::create_dataset(
      file_, path, {axis.integer ? h5::Type::int64 : h5::Type::float64, {axis.values.size()}, {}, false, 0});
  h5::write_all(scale, axis.values);
  h5::make_scale(scale, axis.name);
  describe(scale, {axis.name, ValueType::real, {}, axis.units, axis.description, {}});
  return scale;
}

RunFile::Group RunFile::add_group(const GroupSpec& spec, std::optional<std::size_t> expected_rows) {
  check_open();
  check_path(spec.path);
  const std::string object = "group " + spec.path;
  check_name(object + ": row dimension", spec.row_dimension);
  if (spec.datasets.empty() || spec.datasets.front().name != spec.row_dimension ||
      spec.datasets.front().type != ValueType::integer || !spec.datasets.front().axes.empty()) {
    throw ValueError(object, "does not begin with its row dimension",
                     "an integer dataset '" + spec.row_dimension + "' without axes as the first");
  }
  // Everything is checked before anything is written.
  std::set<std::string> names;
  const auto add_name = [&](const std::string& name) {
    check_name(object + ": dataset or axis", name);
    if (!names.insert(name).second || h5::has(file_, join(spec.path, name))) {
      throw ValueError(object, "has '" + name + "' twice", "each name once");
    }
  };
  for (const Axis& axis : spec.axes) {
    add_name(axis.name);
    if (axis.values.empty()) throw ValueError(object, "axis '" + axis.name + "' has no values", "one or more");
  }
  const auto axis_of = [&](const std::string& name) {
    const auto found = std::find_if(spec.axes.begin(), spec.axes.end(), [&](const Axis& a) { return a.name == name; });
    return static_cast<std::size_t>(found - spec.axes.begin());
  };
  for (const DatasetSpec& dataset : spec.datasets) {
    add_name(dataset.name);
    for (const std::string& axis : dataset.axes) {
      if (axis_of(axis) == spec.axes.size()) {
        throw ValueError(object, "dataset '" + dataset.name + "' has an axis '" + axis + "'", "the axes of the group");
      }
    }
  }

  if (!h5::has(file_, spec.path)) h5::create_group(file_, spec.path);
  for (const auto& [name, value] : spec.attributes) set_attribute(spec.path, name, value);
  std::vector<h5::Dataset> scales;
  for (const Axis& axis : spec.axes) scales.push_back(write_axis(spec.path, axis));
  Series series;
  series.spec = spec;
  for (Axis& axis : series.spec.axes) axis.values = {};  // they are in the file now
  for (const DatasetSpec& dataset : spec.datasets) {
    std::vector<std::size_t> extent{0};
    std::size_t row = 1;
    for (const std::string& axis : dataset.axes) {
      extent.push_back(spec.axes[axis_of(axis)].values.size());
      row *= extent.back();
    }
    const h5::Type type = dataset.type == ValueType::integer ? h5::Type::int64 : h5::Type::float64;
    series.datasets.push_back(h5::create_dataset(
        file_, join(spec.path, dataset.name), {type, extent, chunk_shape(extent, expected_rows), true, compression_}));
    series.row_sizes.push_back(row);
    const h5::Dataset& created = series.datasets.back();
    describe(created, dataset);
    if (series.datasets.size() == 1) {
      h5::make_scale(created, spec.row_dimension);
      continue;
    }
    h5::attach_scale(created, series.datasets.front(), 0);
    for (std::size_t i = 0; i < dataset.axes.size(); ++i)
      h5::attach_scale(created, scales[axis_of(dataset.axes[i])], i + 1);
  }
  series_.push_back(std::move(series));
  check_written();
  return {series_.size() - 1};
}

void RunFile::append(Group group, const Rows& rows) {
  check_open();
  Series& series = series_.at(group.index);
  if (rows.count == 0) return;
  if (rows.values.size() != series.datasets.size()) {
    throw ValueError("group " + series.spec.path, "was given " + std::to_string(rows.values.size()) + " buffers",
                     std::to_string(series.datasets.size()) + ", one a dataset");
  }
  for (std::size_t i = 0; i < rows.values.size(); ++i) {
    const std::vector<double>& values = rows.values[i];
    const std::string name = join(series.spec.path, series.spec.datasets[i].name);
    const std::size_t expected = rows.count * series.row_sizes[i];
    if (values.size() != expected && (i == 0 || !values.empty())) {
      throw ValueError(name, "was given " + std::to_string(values.size()) + " values",
                       std::to_string(expected) + " for " + std::to_string(rows.count) + " rows");
    }
    if (series.spec.datasets[i].type == ValueType::integer) check_whole(name, values);
  }
  for (std::size_t i = 0; i < rows.values.size(); ++i) {
    h5::resize(series.datasets[i], series.rows + rows.count);
    if (!rows.values[i].empty()) h5::write_rows(series.datasets[i], series.rows, rows.count, rows.values[i]);
  }
  series.rows += rows.count;
  limit_memory();
}

std::size_t RunFile::rows(Group group) const { return series_.at(group.index).rows; }

const std::string& RunFile::path_of(Group group) const { return series_.at(group.index).spec.path; }

void RunFile::set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) {
  check_open();
  check_name("attribute of " + object, name);
  if (!h5::has(file_, object)) throw ValueError("attribute " + name, "belongs to " + object, "an object of the file");
  h5::write_attribute(file_, object, name, value);
  check_written();
}

void RunFile::write_once(const std::string& group, const std::vector<Axis>& axes, const DatasetSpec& spec,
                         std::span<const double> values) {
  check_open();
  check_path(group);
  check_name("dataset in " + group, spec.name);
  const std::string path = join(group, spec.name);
  if (h5::has(file_, path)) throw ValueError("dataset " + path, "is in the file already", "each name once");
  std::vector<std::size_t> shape;
  std::size_t total = 1;
  for (const Axis& axis : axes) {
    shape.push_back(axis.values.size());
    total *= shape.back();
  }
  if (axes.empty() || total != values.size()) {
    throw ValueError("dataset " + path, "was given " + std::to_string(values.size()) + " values",
                     axes.empty() ? "one axis or more" : std::to_string(total) + ", the product of its axes");
  }
  if (spec.type == ValueType::integer) check_whole(path, values);

  if (!h5::has(file_, group)) h5::create_group(file_, group);
  std::vector<h5::Dataset> scales;
  for (const Axis& axis : axes) {
    if (h5::has(file_, join(group, axis.name))) {
      scales.push_back(h5::open_dataset(file_, join(group, axis.name)));
      if (scales.back().shape != std::vector<std::size_t>{axis.values.size()}) {
        throw ValueError("axis " + join(group, axis.name), "is there with another length", "the same length");
      }
    } else {
      scales.push_back(write_axis(group, axis));
    }
  }
  const std::vector<std::size_t> chunk =
      compression_ > 0 ? chunk_shape(shape, shape.front()) : std::vector<std::size_t>();
  const h5::Dataset dataset = h5::create_dataset(
      file_, path,
      {spec.type == ValueType::integer ? h5::Type::int64 : h5::Type::float64, shape, chunk, false, compression_});
  describe(dataset, spec);
  for (std::size_t i = 0; i < scales.size(); ++i) h5::attach_scale(dataset, scales[i], i);
  h5::write_all(dataset, values);
  check_written();
}

RunFile::Place RunFile::find(const std::string& dataset) {
  for (Series& series : series_) {
    for (std::size_t i = 0; i < series.datasets.size(); ++i) {
      if (join(series.spec.path, series.spec.datasets[i].name) == dataset) return {&series, i};
    }
  }
  throw ValueError("dataset " + dataset, "is not one of those that rows are appended to", "a dataset of add_group");
}

std::vector<double> RunFile::read_back(const std::string& dataset, std::size_t first, std::size_t count) {
  check_open();
  const Place place = find(dataset);
  return h5::read_rows(place.series->datasets[place.index], first, count);
}

void RunFile::rewrite(const std::string& dataset, std::size_t first, std::span<const double> values) {
  check_open();
  const Place place = find(dataset);
  if (place.series->spec.datasets[place.index].type == ValueType::integer) check_whole(dataset, values);
  h5::write_rows(place.series->datasets[place.index], first, values.size() / place.series->row_sizes[place.index],
                 values);
  limit_memory();
}

void RunFile::store() {
  h5::flush(file_);
  target_->commit();
  check_written();
}

void RunFile::limit_memory() {
  check_written();
  if (target_->held() > most_held) store();
}

void RunFile::commit(std::int64_t trials) {
  check_open();
  h5::write_attribute(file_, "/", "trials_committed", trials);
  store();
  committed_ = trials;
}

void RunFile::finish(const std::string& status) {
  check_open();
  if (status != "complete" && status != "interrupted" && status != "diverged") {
    throw ValueError("status", "is '" + status + "'", "complete, interrupted, diverged");
  }
  h5::write_attribute(file_, "/", "status", status);
  h5::write_attribute(file_, "/", "complete", std::int64_t{status == "complete" ? 1 : 0});
  store();
  series_.clear();
  file_.handle.reset();
  target_->commit();
  target_->close();
  check_written();
}

}  // namespace dynvert
