#include <dynvert/sim/record/file_layout.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_size.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <set>
#include <utility>

namespace dynvert {
namespace {

/// Attribute of a state's row dimension.
constexpr const char* slot_committed = "slot_committed";

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

std::size_t row_size(const std::vector<std::size_t>& shape) {
  return std::accumulate(shape.begin() + 1, shape.end(), std::size_t{1}, std::multiplies<>());
}

h5::Type type_of(const DatasetSpec& dataset) {
  return dataset.type == ValueType::integer ? h5::Type::int64 : h5::Type::float64;
}

void check_whole(const std::string& name, std::span<const double> values) {
  for (const double v : values) {
    if (!(std::abs(v) <= largest_whole) || v != std::trunc(v)) {
      throw ValueError(name, "is to hold " + std::to_string(v), "whole numbers up to 2^53");
    }
  }
}

}  // namespace

RunFile::RunFile(std::unique_ptr<TransactionalFile> target, h5::File file, int compression)
    : target_(std::move(target)), file_(std::move(file)), compression_(compression) {}

RunFile::RunFile(RunFile&& other) noexcept = default;

RunFile::~RunFile() {
  // In this order: what HDF5 still writes goes to the target, which drops it.
  series_.clear();
  file_.handle.reset();
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
                "more room, and then --resume; " + std::to_string(committed_) + " trials are in the file");
}

void RunFile::describe(const h5::Dataset& dataset, const DatasetSpec& spec) {
  const std::string path = dataset.name.substr(file_.path.size() + 1);
  h5::write_attribute(file_, path, "units", spec.units);
  h5::write_attribute(file_, path, "long_name", spec.description);
  if (!spec.legend.empty()) h5::write_attribute(file_, path, "legend", spec.legend);
  for (const auto& [name, value] : spec.attributes) h5::write_attribute(file_, path, name, value);
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

void RunFile::check_spec(const GroupSpec& spec) const {
  check_path(spec.path);
  const std::string object = "group " + spec.path;
  check_name(object + ": row dimension", spec.row_dimension);
  if (spec.datasets.empty() || spec.datasets.front().name != spec.row_dimension ||
      spec.datasets.front().type != ValueType::integer || !spec.datasets.front().axes.empty()) {
    throw ValueError(object, "does not begin with its row dimension",
                     "an integer dataset '" + spec.row_dimension + "' without axes as the first");
  }
  std::set<std::string> names;
  const auto add_name = [&](const std::string& name) {
    check_name(object + ": dataset or axis", name);
    if (!names.insert(name).second || (!is_there(spec) && h5::has(file_, join(spec.path, name)))) {
      throw ValueError(object, "has '" + name + "' twice", "each name once");
    }
  };
  for (const Axis& axis : spec.axes) {
    add_name(axis.name);
    if (axis.values.empty()) throw ValueError(object, "axis '" + axis.name + "' has no values", "one or more");
  }
  for (const DatasetSpec& dataset : spec.datasets) {
    add_name(dataset.name);
    for (const std::string& axis : dataset.axes) {
      if (std::ranges::find(spec.axes, axis, &Axis::name) == spec.axes.end()) {
        throw ValueError(object, "dataset '" + dataset.name + "' has an axis '" + axis + "'", "the axes of the group");
      }
    }
  }
}

bool RunFile::is_there(const GroupSpec& spec) const {
  if (!reopened_ || !h5::has(file_, join(spec.path, spec.row_dimension))) return false;
  return std::ranges::none_of(
      series_, [&](const Series& s) { return s.spec.path == spec.path && s.spec.row_dimension == spec.row_dimension; });
}

RunFile::Series RunFile::create_series(const GroupSpec& spec, std::optional<std::size_t> expected_rows, bool is_state) {
  if (!h5::has(file_, spec.path)) h5::create_group(file_, spec.path);
  for (const auto& [name, value] : spec.attributes) set_attribute(spec.path, name, value);
  std::vector<h5::Dataset> scales;
  for (const Axis& axis : spec.axes) scales.push_back(write_axis(spec.path, axis));
  Series series{.spec = spec, .is_state = is_state};
  for (const DatasetSpec& dataset : spec.datasets) {
    std::vector<std::size_t> extent = shape_of(spec, dataset, is_state ? state_rows : 0);
    const h5::Type type = type_of(dataset);
    const auto chunk = is_state ? std::vector<std::size_t>() : chunk_shape(extent, expected_rows);
    series.datasets.push_back(h5::create_dataset(file_, join(spec.path, dataset.name),
                                                 {type, extent, chunk, !is_state, is_state ? 0 : compression_}));
    series.row_sizes.push_back(row_size(extent));
    const h5::Dataset& created = series.datasets.back();
    describe(created, dataset);
    if (series.datasets.size() == 1) {
      h5::make_scale(created, spec.row_dimension);
      continue;
    }
    h5::attach_scale(created, series.datasets.front(), 0);
    for (std::size_t i = 0; i < dataset.axes.size(); ++i) {
      const auto axis = std::ranges::find(spec.axes, dataset.axes[i], &Axis::name) - spec.axes.begin();
      h5::attach_scale(created, scales[static_cast<std::size_t>(axis)], i + 1);
    }
  }
  if (is_state) h5::write_all(series.datasets.front(), std::vector<double>{0, 1});
  return series;
}

RunFile::Series RunFile::find_series(const GroupSpec& spec, bool is_state) {
  Series series{.spec = spec, .is_state = is_state};
  const auto committed =
      attribute(join(spec.path, spec.row_dimension), is_state ? slot_committed : rows_committed_attribute);
  // Neither: the group was made after the last commit.
  if (committed && std::holds_alternative<std::int64_t>(*committed)) {
    const auto value = static_cast<std::size_t>(std::max<std::int64_t>(0, std::get<std::int64_t>(*committed)));
    (is_state ? series.slot : series.rows_committed) = value;
  }
  series.rows = is_state ? state_rows : series.rows_committed.value_or(0);
  for (const DatasetSpec& dataset : spec.datasets) {
    h5::Dataset found = h5::open_dataset(file_, join(spec.path, dataset.name), h5::Caching::one_chunk);
    std::vector<std::size_t> expected = shape_of(spec, dataset, found.shape.empty() ? 0 : found.shape[0]);
    if (found.shape != expected || found.type != type_of(dataset) || found.shape[0] < series.rows ||
        (is_state && series.slot.value_or(0) >= state_rows)) {
      throw IoError(found.name, "is not laid out as this program writes it",
                    "the version of dynvert that wrote the file");
    }
    series.row_sizes.push_back(row_size(expected));
    if (found.shape[0] != series.rows) h5::resize(found, series.rows);
    series.datasets.push_back(std::move(found));
  }
  return series;
}

RunFile::Group RunFile::add_group(const GroupSpec& spec, std::optional<std::size_t> expected_rows) {
  check_open();
  // Everything is checked before anything is written.
  check_spec(spec);
  series_.push_back(is_there(spec) ? find_series(spec, false) : create_series(spec, expected_rows, false));
  for (Axis& axis : series_.back().spec.axes) axis.values = {};  // they are in the file now
  check_written();
  return {series_.size() - 1};
}

RunFile::Group RunFile::add_state(const GroupSpec& spec) {
  check_open();
  check_spec(spec);
  series_.push_back(is_there(spec) ? find_series(spec, true) : create_series(spec, std::nullopt, true));
  check_written();
  return {series_.size() - 1};
}

void RunFile::check_rows(const Series& series, const Rows& rows) const {
  if (rows.values.size() != series.datasets.size()) {
    throw ValueError("group " + series.spec.path, "was given " + std::to_string(rows.values.size()) + " buffers",
                     std::to_string(series.datasets.size()) + ", one a dataset");
  }
  for (std::size_t i = 0; i < rows.values.size(); ++i) {
    const std::vector<double>& values = rows.values[i];
    const std::string name = join(series.spec.path, series.spec.datasets[i].name);
    const std::size_t expected = rows.count * series.row_sizes[i];
    // of a table the row dimension is needed, of a state all the rest
    const bool may_lack = (i == 0) == series.is_state;
    if (values.size() != expected && !(may_lack && values.empty())) {
      throw ValueError(name, "was given " + std::to_string(values.size()) + " values",
                       std::to_string(expected) + " for " + std::to_string(rows.count) + " rows");
    }
    if (series.spec.datasets[i].type == ValueType::integer) check_whole(name, values);
  }
}

void RunFile::append(Group group, const Rows& rows) {
  check_open();
  Series& series = series_.at(group.index);
  if (rows.count == 0) return;
  check_rows(series, rows);
  for (std::size_t i = 0; i < rows.values.size(); ++i) {
    h5::resize(series.datasets[i], series.rows + rows.count);
    if (!rows.values[i].empty()) h5::write_rows(series.datasets[i], series.rows, rows.count, rows.values[i]);
  }
  series.rows += rows.count;
  limit_memory();
}

void RunFile::truncate(Group group, std::size_t rows) {
  check_open();
  Series& series = series_.at(group.index);
  if (rows >= series.rows) return;
  for (h5::Dataset& dataset : series.datasets) h5::resize(dataset, rows);
  series.rows = rows;
}

void RunFile::put_state(Group group, const Rows& row) {
  check_open();
  Series& series = series_.at(group.index);
  check_rows(series, row);
  const std::size_t slot = series.slot == std::size_t{0} ? 1 : 0;
  for (std::size_t i = 1; i < row.values.size(); ++i) {
    const std::size_t bytes = series.row_sizes[i] * sizeof(double);
    // Nobody needs what this row holds: it does not have to wait in memory for the commit.
    if (const auto address = h5::address_of(series.datasets[i])) target_->release(*address + slot * bytes, bytes);
    h5::write_rows(series.datasets[i], slot, 1, row.values[i]);
    limit_memory();
  }
  series.slot_written = slot;
}

std::optional<Rows> RunFile::state(Group group) {
  check_open();
  const Series& series = series_.at(group.index);
  if (!series.slot) return std::nullopt;
  Rows row(series.spec);
  row.count = 1;
  for (std::size_t i = 1; i < row.values.size(); ++i) {
    row.values[i] = h5::read_rows(series.datasets[i], *series.slot, 1);
  }
  return row;
}

void RunFile::drop_state(Group group) {
  check_open();
  Series& series = series_.at(group.index);
  series.datasets.clear();
  series.slot_written.reset();
  h5::remove(file_, series.spec.path);
}

std::size_t RunFile::rows(Group group) const { return series_.at(group.index).rows; }

const std::string& RunFile::path_of(Group group) const { return series_.at(group.index).spec.path; }

std::optional<AttributeValue> RunFile::attribute(const std::string& object, const std::string& name) const {
  return h5::read_attribute(file_, object, name);
}

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
  if (target_->held() > max_held) store();
}

void RunFile::commit(std::int64_t trials) {
  check_open();
  h5::write_attribute(file_, "/", "trials_committed", trials);
  for (Series& series : series_) {
    const std::string scale = join(series.spec.path, series.spec.row_dimension);
    if (series.is_state) {
      if (!series.slot_written) continue;
      h5::write_attribute(file_, scale, slot_committed, static_cast<std::int64_t>(*series.slot_written));
      series.slot = std::exchange(series.slot_written, std::nullopt);
    } else if (series.rows_committed != series.rows) {
      h5::write_attribute(file_, scale, rows_committed_attribute, static_cast<std::int64_t>(series.rows));
      series.rows_committed = series.rows;
    }
  }
  store();
  committed_ = trials;
}

void RunFile::finish(const std::string& status, std::optional<std::int64_t> trials) {
  check_open();
  if (status != "complete" && status != "interrupted" && status != "diverged") {
    throw ValueError("status", "is '" + status + "'", "complete, interrupted, diverged");
  }
  h5::write_attribute(file_, "/", "status", status);
  h5::write_attribute(file_, "/", "complete", std::int64_t{status == "complete" ? 1 : 0});
  commit(trials.value_or(committed_));
  series_.clear();
  file_.handle.reset();
  target_->commit();
  target_->close();
  check_written();
}

}  // namespace dynvert
