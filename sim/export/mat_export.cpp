// Level-5 MAT-files by libmatio. A group is a struct, a dataset a field of doubles; the last two axes of a dataset are
// rows and columns in MATLAB, too, and the others follow from the last to the first: W2 (snapshot, to, from) is
// to x from x snapshot, delta_1 (record, time, unit) is time x unit x record.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/export/export.hpp>
#include <dynvert/sim/export/mat_layout.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/new_file.hpp>
#include <dynvert/sim/platform/utf8.hpp>

#include <fmt/format.h>
#include <matio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>

namespace dynvert {

namespace {

/// A variable of level 5 has less than this.
constexpr std::uint64_t max_bytes = std::uint64_t{1} << 31;
/// Numbers that are in memory at a time.
constexpr std::size_t block_values = std::size_t{1} << 20;

struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using Variable = std::unique_ptr<matvar_t, FreeVariable>;
struct CloseFile {
  void operator()(mat_t* file) const { Mat_Close(file); }
};

Variable made(matvar_t* variable) {
  if (variable == nullptr) throw std::bad_alloc();
  return Variable(variable);
}

/// Zeros that take no memory: pages that nobody has written.
class Zeros {
 public:
  explicit Zeros(std::size_t bytes)
      : bytes_(std::max<std::size_t>(bytes, 1)),
        data_(::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (data_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Zeros() { ::munmap(data_, bytes_); }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  [[nodiscard]] void* data() const { return data_; }

 private:
  std::size_t bytes_;
  void* data_;
};

/// A dataset in the file that is exported: whole, or one row of it.
struct Source {
  std::string dataset;
  std::vector<std::size_t> shape;
  std::optional<std::size_t> row;

  /// Axes that are exported, as HDF5 has them.
  [[nodiscard]] std::vector<std::size_t> extent() const {
    return row ? std::vector<std::size_t>(shape.begin() + 1, shape.end()) : shape;
  }
  [[nodiscard]] std::uint64_t count() const {
    const auto e = extent();
    return std::accumulate(e.begin(), e.end(), std::uint64_t{1}, [](std::uint64_t a, std::size_t b) {
      return b != 0 && a > max_bytes / b ? max_bytes : a * b;
    });
  }
};

/// MATLAB's dimensions.
std::vector<std::size_t> matlab_shape(const std::vector<std::size_t>& extent) {
  switch (extent.size()) {
    case 0:
      return {1, 1};
    case 1:
      return {extent[0], 1};
    default: {
      std::vector<std::size_t> shape{extent[extent.size() - 2], extent.back()};
      shape.insert(shape.end(), extent.rbegin() + 2, extent.rend());
      return shape;
    }
  }
}

/// A name that MATLAB takes: as it is, or as matlab.lang.makeValidName has it, with an x before it.
std::string valid_name(const std::string& name) {
  constexpr std::size_t longest = 63;
  if (name.size() >= longest) {
    throw ValueError("export to .mat", fmt::format("'{}' is too long a name for MATLAB", name),
                     fmt::format("names of less than {} characters", longest));
  }
  static constexpr std::array keywords{
      "break",  "case", "catch",     "classdef", "continue",   "else",   "elseif", "end",    "for", "function",
      "global", "if",   "otherwise", "parfor",   "persistent", "return", "spmd",   "switch", "try", "while"};
  const bool taken = std::ranges::find(keywords, name) != keywords.end();
  return taken || name.starts_with("_") ? "x" + name : name;
}

using Fields = std::vector<std::pair<std::string, Variable>>;

/// libmatio takes pointers to what is not const, and copies from them; with MAT_F_DONT_COPY_DATA it reads them later.
Variable make_array(matio_classes kind, matio_types type, std::vector<std::size_t> shape, const void* data,
                    int options = 0) {
  return made(Mat_VarCreate(nullptr, kind, type, static_cast<int>(shape.size()), shape.data(), const_cast<void*>(data),
                            options));
}

/// MATLAB and libmatio count the characters of a text, Octave its bytes. Where these differ blanks follow, so that
/// nobody loses the end, and libmatio, which believes what lead bytes say, does not read past it.
Variable make_text(const std::string& value) {
  std::string text = valid_utf8(value);
  const std::size_t bytes = text.size();
  text.append(bytes - count_characters(text), ' ');
  return make_array(MAT_C_CHAR, MAT_T_UTF8, {bytes == 0 ? std::size_t{0} : std::size_t{1}, bytes}, text.data());
}

Variable make_struct(const std::string& name, Fields fields) {
  std::vector<const char*> names;
  for (const auto& field : fields) names.push_back(field.first.c_str());
  std::size_t one[2] = {1, 1};
  Variable variable =
      made(Mat_VarCreateStruct(name.c_str(), 2, one, names.data(), static_cast<unsigned>(names.size())));
  for (auto& [field, value] : fields) {
    Mat_VarSetStructFieldByName(variable.get(), field.c_str(), 0, value.release());
  }
  return variable;
}

class MatExport {
 public:
  MatExport(const RunReader& file, const ExportSelection& selection, int descriptor, const std::string& name)
      : file_(file), selection_(selection), descriptor_(descriptor), name_(name) {}

  void write() {
    // everything is looked at before anything is written
    std::vector<Top> tops = plan();
    std::uint64_t largest = 0;
    for (const Top& top : tops) {
      std::uint64_t sum = 0;
      for (const Source& source : top.sources) {
        sum += source.count() * sizeof(double);
        largest = std::max(largest, source.count() * sizeof(double));
        if (sum < max_bytes - overhead) continue;
        throw IoError(name_,
                      fmt::format("cannot hold {}: a variable of a level-5 MAT-file has less than 2 GB", top.name),
                      "--model and --trial for a part of it, or h5read in MATLAB, which reads the file itself");
      }
    }
    const Zeros zeros(largest);
    {
      const std::string path = fmt::format("/proc/self/fd/{}", descriptor_);
      const std::unique_ptr<mat_t, CloseFile> mat(
          Mat_CreateVer(path.c_str(), "MATLAB 5.0 MAT-file, by dynvert", MAT_FT_MAT5));
      if (!mat) throw IoError(name_, "cannot be written by libmatio", "another folder");
      for (const Top& top : tops) {
        const Variable variable = make_group(top, zeros);
        if (Mat_VarWrite(mat.get(), variable.get(), MAT_COMPRESSION_NONE) != 0) {
          throw IoError(name_, fmt::format("cannot be written: libmatio did not take {}", top.name), "more room");
        }
      }
    }
    const std::vector<MatArray> arrays = find_arrays(descriptor_, name_);
    std::size_t next = 0;
    for (const Top& top : tops) {
      for (const Source& source : top.sources) {
        if (next == arrays.size() || arrays[next].bytes != source.count() * sizeof(double)) {
          throw IoError(name_, fmt::format("cannot be written: libmatio left no room for {}", source.dataset));
        }
        fill(source, arrays[next++].address);
      }
      next += real_attributes(top.group);
    }
  }

 private:
  /// for names, types and shapes of hundreds of fields
  static constexpr std::uint64_t overhead = std::uint64_t{1} << 20;

  /// A top-level variable: a group, with what its numbers come from in the order in which they stand.
  struct Top {
    std::string name, group;
    std::vector<Source> sources;
  };

  std::vector<Top> plan() {
    std::vector<Top> tops;
    if (selection_.whole_file) {
      tops.push_back({"file", "/", {}});
      if (file_.has("/task")) tops.push_back({"task", "/task", {}});
    }
    for (const std::string& model : selection_.models) {
      const bool taken = model == "file" || model == "task";
      tops.push_back({taken ? "x" + model : valid_name(model), "/models/" + model, {}});
    }
    for (Top& top : tops) {
      if (selection_.trial && top.group.starts_with("/models/")) {
        record_ = find_record(file_, top.group.substr(std::string_view("/models/").size()), *selection_.trial);
      }
      if (top.group != "/") collect(top.group, top);
    }
    return tops;
  }

  /// Whether a group is exported: not what a run needs to be resumed, and with --trial of a model its traces alone.
  [[nodiscard]] bool wanted(const std::string& parent, const std::string& name) const {
    if (name == "state" && file_.is_group(parent + "/" + name)) return false;
    return !selection_.trial || !parent.starts_with("/models/") || name == "trace" || parent.ends_with("/trace");
  }

  /// The datasets of a group, and of the groups in it, in the order of the file.
  void collect(const std::string& group, Top& top) {
    for (const std::string& name : file_.children(group)) {
      if (!wanted(group, name)) continue;
      const std::string path = group + "/" + name;
      if (file_.is_group(path)) {
        collect(path, top);
        continue;
      }
      top.sources.push_back(source_of(group, path));
    }
  }

  [[nodiscard]] Source source_of(const std::string& group, const std::string& path) const {
    Source source{path, file_.shape(path), std::nullopt};
    const bool trace = selection_.trial && group.ends_with("/trace");
    const auto axes = file_.axes(path);
    const bool over_records = path.ends_with("/record") || (!axes.empty() && axes[0] == "record");
    if (trace && over_records) source.row = record_;
    return source;
  }

  Variable make_group(const Top& top, const Zeros& zeros) {
    std::size_t next = 0;
    Fields fields = top.group == "/" ? Fields{} : make_fields(top.group, top, next, zeros);
    Fields attributes = make_attributes(top.group);
    if (top.group == "/") {
      fields = std::move(attributes);
    } else {
      if (!attributes.empty()) fields.emplace_back("attributes", make_struct("attributes", std::move(attributes)));
      Fields units = make_units(top.group);
      if (!units.empty()) fields.emplace_back("units", make_struct("units", std::move(units)));
    }
    return make_struct(top.name, std::move(fields));
  }

  Fields make_fields(const std::string& group, const Top& top, std::size_t& next, const Zeros& zeros) {
    Fields fields;
    for (const std::string& name : file_.children(group)) {
      if (!wanted(group, name)) continue;
      const std::string path = group + "/" + name;
      if (file_.is_group(path)) {
        fields.emplace_back(valid_name(name), make_struct(name, make_fields(path, top, next, zeros)));
        continue;
      }
      fields.emplace_back(valid_name(name),
                          make_array(MAT_C_DOUBLE, MAT_T_DOUBLE, matlab_shape(top.sources[next++].extent()),
                                     zeros.data(), MAT_F_DONT_COPY_DATA));
    }
    return fields;
  }

  Fields make_units(const std::string& group) {
    Fields fields;
    for (const std::string& name : file_.children(group)) {
      if (!wanted(group, name)) continue;
      const std::string path = group + "/" + name;
      if (file_.is_group(path)) {
        fields.emplace_back(valid_name(name), make_struct(name, make_units(path)));
        continue;
      }
      const auto value = file_.attribute(path, "units");
      if (!value || !std::holds_alternative<std::string>(*value)) continue;
      fields.emplace_back(valid_name(name), make_text(std::get<std::string>(*value)));
    }
    return fields;
  }

  /// Those stand after the datasets of a variable, with their numbers in place.
  [[nodiscard]] std::size_t real_attributes(const std::string& group) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        file_.attributes(group), [](const Attribute& a) { return std::holds_alternative<double>(a.value); }));
  }

  Fields make_attributes(const std::string& group) {
    Fields fields;
    for (const Attribute& attribute : file_.attributes(group)) {
      if (const auto* whole = std::get_if<std::int64_t>(&attribute.value)) {
        fields.emplace_back(attribute.name, make_array(MAT_C_INT64, MAT_T_INT64, {1, 1}, whole));
      } else if (const auto* real = std::get_if<double>(&attribute.value)) {
        fields.emplace_back(attribute.name, make_array(MAT_C_DOUBLE, MAT_T_DOUBLE, {1, 1}, real));
      } else {
        fields.emplace_back(attribute.name, make_text(std::get<std::string>(attribute.value)));
      }
    }
    return fields;
  }

  void fill(const Source& source, std::uint64_t address) {
    const auto extent = source.extent();
    const auto& shape = source.shape;
    if (source.count() == 0) return;
    if (shape.empty()) throw IoError(source.dataset, "has no axis, expected one or more");
    if (shape.size() > 4) throw IoError(source.dataset, "has more than four axes");
    if (shape.size() <= 2 && !source.row) return fill_rows(source, address);
    const std::size_t first = source.row.value_or(0);
    const std::size_t last = source.row ? first + 1 : shape[0];
    const std::uint64_t bytes = source.count() / (last - first) * sizeof(double);
    for (std::size_t row = first; row < last; ++row) fill_row(source, row, address + (row - first) * bytes);
  }

  /// A table: rows that are in memory at a time, each of its columns in one piece.
  void fill_rows(const Source& source, std::uint64_t address) {
    const std::size_t rows = source.shape[0];
    const std::size_t columns = source.shape.size() == 2 ? source.shape[1] : 1;
    const std::size_t block = std::max<std::size_t>(1, block_values / columns);
    for (std::size_t first = 0; first < rows; first += block) {
      const std::size_t count = std::min(block, rows - first);
      put_columns(file_.rows(source.dataset, first, count).values, count, columns, address, first, rows);
    }
  }

  /// One row of a dataset of two axes or more, its first axis (of the dataset, the second) a piece at a time.
  void fill_row(const Source& source, std::size_t row, std::uint64_t address) {
    const std::vector<std::size_t> inner(source.shape.begin() + 1, source.shape.end());
    if (inner.empty()) {
      const auto values = file_.rows(source.dataset, row, 1).values;
      return write_at(descriptor_, address, values.data(), values.size() * sizeof(double), name_);
    }
    std::size_t below = 1;
    for (std::size_t i = 1; i < inner.size(); ++i) below *= inner[i];
    const std::size_t block = std::max<std::size_t>(1, block_values / below);
    for (std::size_t first = 0; first < inner[0]; first += block) {
      const std::size_t count = std::min(block, inner[0] - first);
      const auto values = file_.part(source.dataset, row, first, count).values;
      if (inner.size() < 3) {
        put_columns(values, count, below, address, first, inner[0]);
        continue;
      }
      // pages: each of them is a matrix
      for (std::size_t page = 0; page < count; ++page) {
        const std::vector<double> matrix(values.begin() + static_cast<std::ptrdiff_t>(page * below),
                                         values.begin() + static_cast<std::ptrdiff_t>((page + 1) * below));
        put_columns(matrix, inner[1], inner[2], address + (first + page) * below * sizeof(double), 0, inner[1]);
      }
    }
  }

  /// Some rows of a matrix that has `height` of them, into place by columns.
  void put_columns(const std::vector<double>& values, std::size_t rows, std::size_t columns, std::uint64_t address,
                   std::size_t first, std::size_t height) {
    std::vector<double> transposed(values.size());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) transposed[c * rows + r] = values[r * columns + c];
    }
    if (rows == height) {
      return write_at(descriptor_, address, transposed.data(), transposed.size() * sizeof(double), name_);
    }
    for (std::size_t c = 0; c < columns; ++c) {
      write_at(descriptor_, address + (c * height + first) * sizeof(double), transposed.data() + c * rows,
               rows * sizeof(double), name_);
    }
  }

  const RunReader& file_;
  const ExportSelection& selection_;
  int descriptor_;
  const std::string& name_;
  std::size_t record_ = 0;
};

}  // namespace

void write_mat(const RunReader& file, const ExportSelection& selection, int descriptor, const std::string& name) {
  MatExport(file, selection, descriptor, name).write();
}

}  // namespace dynvert
