#include <dynvert/sim/hdf5/call.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>
#include <utility>

namespace dynvert::h5 {
namespace {

std::vector<hsize_t> sizes(const std::vector<std::size_t>& shape) { return {shape.begin(), shape.end()}; }

/// Values in one row.
std::size_t row_size(const std::vector<std::size_t>& shape) {
  std::size_t n = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) n *= shape[i];
  return n;
}

/// The places of some rows in memory and in the file.
struct Selection {
  Handle memory, file;
};

/// @param start, size  the first element and the number of elements along each axis
Selection select_block(const Dataset& dataset, const std::vector<hsize_t>& start, const std::vector<hsize_t>& size) {
  Selection s;
  s.file = owned(H5Dget_space(dataset.handle.id()), H5Sclose, dataset.name, "asking for the shape");
  if (size.empty()) {
    s.memory = owned(H5Screate(H5S_SCALAR), H5Sclose, dataset.name, "describing memory");
    return s;
  }
  checked(H5Sselect_hyperslab(s.file.id(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr), dataset.name,
          "choosing rows");
  s.memory = owned(H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr), H5Sclose, dataset.name,
                   "describing memory");
  return s;
}

Selection select_rows(const Dataset& dataset, std::size_t first, std::size_t count) {
  std::vector<hsize_t> start(dataset.shape.size(), 0), size = sizes(dataset.shape);
  if (!size.empty()) {
    start[0] = first;
    size[0] = count;
  }
  return select_block(dataset, start, size);
}

Type type_of(hid_t dataset, const std::string& name) {
  const Handle type = owned(H5Dget_type(dataset), H5Tclose, name, "asking for the type");
  const H5T_class_t kind = H5Tget_class(type.id());
  const std::size_t size = H5Tget_size(type.id());
  if (kind == H5T_FLOAT && size == 8) return Type::float64;
  if (kind == H5T_FLOAT && size == 4) return Type::float32;
  if (kind == H5T_INTEGER && size == 8) return Type::int64;
  if (kind == H5T_INTEGER && size == 1 && H5Tget_sign(type.id()) == H5T_SGN_NONE) return Type::uint8;
  return Type::other;
}

std::vector<std::size_t> shape_of(hid_t dataset, const std::string& name) {
  const Handle space = owned(H5Dget_space(dataset), H5Sclose, name, "asking for the shape");
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) throw IoError(name, "is empty: it has no shape");
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 0) fail(name, "asking for the shape");
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  if (rank > 0 && H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr) < 0) fail(name, "asking for the shape");
  return {extent.begin(), extent.end()};
}

/// `count` times what lies below the first `leading` axes. @throws IoError  above 2 GiB: a damaged file may declare any
/// extent, and memory is asked for only within reason
std::size_t values_in(const Dataset& dataset, std::size_t count, std::size_t leading) {
  constexpr std::size_t most = std::size_t{1} << 28;
  std::size_t total = count;
  for (std::size_t i = leading; i < dataset.shape.size(); ++i) {
    if (dataset.shape[i] != 0 && total > most / dataset.shape[i])
      total = most + 1;
    else
      total *= dataset.shape[i];
  }
  if (total > most) {
    throw IoError(dataset.name, "declares more than 2 GiB to be read at once", "fewer rows at a time");
  }
  return total;
}

template <typename Select>
std::vector<double> read_selected(const Dataset& dataset, std::size_t total, const Select& select) {
  const Quiet quiet;
  if (!is_numeric(dataset.handle.id(), dataset.name)) throw IoError(dataset.name, "does not hold numbers");
  std::vector<double> values(total);
  if (total == 0) return values;
  const Selection s = select();
  checked(H5Dread(dataset.handle.id(), H5T_NATIVE_DOUBLE, s.memory.id(), s.file.id(), H5P_DEFAULT, values.data()),
          dataset.name, "reading");
  return values;
}

}  // namespace

bool is_boolean(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_nmembers(type) != 2 || H5Tget_size(type) != 1) return false;
  std::int8_t no = -1, yes = -1;
  return H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 && no == 0 && yes == 1;
}

bool is_numeric(hid_t dataset, const std::string& name) {
  const Handle type = owned(H5Dget_type(dataset), H5Tclose, name, "asking for the type");
  const H5T_class_t kind = H5Tget_class(type.id());
  // larger ones come of damage, and the library writes past its buffers with them
  constexpr std::size_t largest = 16;
  if (H5Tget_size(type.id()) > largest) return false;
  return kind == H5T_FLOAT || kind == H5T_INTEGER || is_boolean(type.id());
}

Handle::Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), closer_(other.closer_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    closer_ = other.closer_;
  }
  return *this;
}

void Handle::reset() noexcept {
  if (id_ < 0) return;
  const Quiet quiet;
  closer_(std::exchange(id_, H5I_INVALID_HID));
}

void flush(const File& file) {
  const Quiet quiet;
  checked(H5Fflush(file.handle.id(), H5F_SCOPE_GLOBAL), file.path, "writing");
}

bool has(const File& file, const std::string& path) {
  const Quiet quiet;
  if (path.empty() || path.front() != '/') return false;
  if (path == "/") return true;
  // a link to another file is not followed, on however many ways round it is reached
  const Handle access = owned(H5Pcreate(H5P_LINK_ACCESS), H5Pclose, inside(file, path), "looking it up");
  const auto refuse = [](const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) -> herr_t {
    return -1;
  };
  checked(H5Pset_elink_cb(access.id(), refuse, nullptr), inside(file, path), "looking it up");
  // H5Lexists wants every group on the way to be there.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (part.back() != '/' && H5Lexists(file.handle.id(), part.c_str(), access.id()) <= 0) return false;
    if (part.back() != '/' && H5Oexists_by_name(file.handle.id(), part.c_str(), access.id()) <= 0) {
      H5L_info_t link{};
      if (H5Lget_info(file.handle.id(), part.c_str(), &link, access.id()) >= 0 && link.type == H5L_TYPE_EXTERNAL) {
        throw IoError(inside(file, part), "is a link to another file, which is not followed",
                      "one file that holds everything");
      }
      return false;
    }
    if (end == std::string::npos) return true;
  }
}

bool is_group(const File& file, const std::string& path) {
  if (!has(file, path)) return false;
  const Quiet quiet;
  const Handle object = open_object(file, path);
  return H5Iget_type(object.id()) == H5I_GROUP;
}

void create_group(const File& file, const std::string& path) {
  if (path.size() > 1) {
    const std::size_t slash = path.rfind('/');
    const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
    if (!has(file, parent)) create_group(file, parent);
  }
  const Quiet quiet;
  const std::string name = inside(file, path);
  const Handle creation = owned(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, name, "creating the group");
  checked(H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), name,
          "creating the group");
  owned(H5Gcreate2(file.handle.id(), path.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Gclose, name,
        "creating the group");
}

namespace {

/// @param tree  see tree_children
std::vector<std::string> list_group(const File& file, const std::string& group, bool tree) {
  const Quiet quiet;
  const std::string object = inside(file, group);
  const Handle handle =
      owned(H5Gopen2(file.handle.id(), group.c_str(), H5P_DEFAULT), H5Gclose, object, "opening the group");
  const Handle creation = owned(H5Gget_create_plist(handle.id()), H5Pclose, object, "asking for the order");
  unsigned order = 0;
  checked(H5Pget_link_creation_order(creation.id(), &order), object, "asking for the order");
  const H5_index_t index = (order & H5P_CRT_ORDER_INDEXED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  struct Found {
    std::vector<std::string> names;
    bool links = false;
  } found;
  const auto add = [](hid_t, const char* name, const H5L_info_t* link, void* to) -> herr_t {
    auto& all = *static_cast<Found*>(to);
    all.names.emplace_back(name);
    all.links = all.links || link->type != H5L_TYPE_HARD;
    return 0;
  };
  checked(H5Literate(handle.id(), index, H5_ITER_INC, nullptr, add, &found), object, "listing");
  H5O_info_t info{};
  checked(H5Oget_info2(handle.id(), &info, H5O_INFO_BASIC), object, "listing");
  if (tree && (found.links || info.rc > 1)) {
    throw IoError(object, "has links, or more than one name, which no file of dynvert has", "copy it again");
  }
  // a damaged link may lead back without the count of names saying so
  constexpr std::ptrdiff_t deepest = 8;
  if (tree && std::ranges::count(group, '/') > deepest) {
    throw IoError(object, "lies deeper than any group of dynvert: the file leads in a circle", "copy it again");
  }
  return found.names;
}

}  // namespace

std::vector<std::string> children(const File& file, const std::string& group) { return list_group(file, group, false); }

std::vector<std::string> tree_children(const File& file, const std::string& group) {
  return list_group(file, group, true);
}

namespace {

/// A damaged file may declare any extent. No more is believed than the file could hold if it were packed as well as
/// gzip can, 1032 to 1; values in other files are none of this one.
/// @return the extents of a chunk; empty: there are no chunks
std::vector<hsize_t> check_storage(hid_t dataset, const std::vector<std::size_t>& shape, const std::string& name) {
  constexpr std::uint64_t always = std::uint64_t{1} << 26;  // bytes
  constexpr std::uint64_t packing = 1032;
  const Handle creation = owned(H5Dget_create_plist(dataset), H5Pclose, name, "asking for the storage");
  const H5D_layout_t layout = H5Pget_layout(creation.id());
  if (layout == H5D_VIRTUAL || H5Pget_external_count(creation.id()) > 0) {
    throw IoError(name, "keeps its values in another file, which is not read", "one file that holds everything");
  }
  const Handle file = owned(H5Iget_file_id(dataset), H5Fclose, name, "asking for the storage");
  const Handle type = owned(H5Dget_type(dataset), H5Tclose, name, "asking for the type");
  hsize_t size = 0;
  checked(H5Fget_filesize(file.id(), &size), name, "asking for the storage");
  const std::uint64_t most =
      std::max<std::uint64_t>(always, packing * std::min(size, std::numeric_limits<hsize_t>::max() / packing));
  const auto check = [&](const char* what, const auto& extent) {
    std::uint64_t bytes = std::max<std::size_t>(1, H5Tget_size(type.id()));
    if (std::ranges::find(extent, 0u) != extent.end()) return;
    for (const auto n : extent) {
      if (n > most / bytes) {
        throw IoError(name, std::string("declares ") + what + " that a file of this size cannot hold", "copy it again");
      }
      bytes *= n;
    }
  };
  check("values", shape);
  std::vector<hsize_t> chunk;
  if (layout != H5D_CHUNKED) return chunk;
  chunk.resize(shape.size());
  if (H5Pget_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()) < 0) {
    fail(name, "asking for the chunks");
  }
  check("chunks", chunk);
  return chunk;
}

/// One chunk is the one that rows are being added to; more would cost memory for each of hundreds of datasets.
void cache_one_chunk(hid_t access, const std::vector<hsize_t>& chunk, const std::string& name) {
  std::size_t bytes = sizeof(double);
  for (const hsize_t n : chunk) bytes *= static_cast<std::size_t>(n);
  checked(H5Pset_chunk_cache(access, 3, bytes, 1.0), name, "setting the chunk cache");
}

bool is_chunk_of_one_row(const std::vector<hsize_t>& chunk, const std::vector<std::size_t>& shape) {
  return chunk.front() == 1 && std::equal(chunk.begin() + 1, chunk.end(), shape.begin() + 1, shape.end());
}

}  // namespace

Dataset create_dataset(const File& file, const std::string& path, const Creation& c) {
  const Quiet quiet;
  Dataset dataset{.handle = {}, .name = inside(file, path), .type = c.type, .shape = c.shape};
  const std::string& name = dataset.name;
  const Handle creation = owned(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, name, "preparing");
  const Handle access = owned(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, name, "preparing");
  const double no_real = std::numeric_limits<double>::quiet_NaN();
  const std::int64_t no_integer = -1;
  const bool integer = c.type == Type::int64;
  checked(integer ? H5Pset_fill_value(creation.id(), H5T_NATIVE_INT64, &no_integer)
                  : H5Pset_fill_value(creation.id(), H5T_NATIVE_DOUBLE, &no_real),
          name, "setting the fill value");
  std::vector<hsize_t> most = sizes(c.shape);
  if (!c.chunk.empty()) {
    const std::vector<hsize_t> chunk = sizes(c.chunk);
    checked(H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()), name, "setting chunks");
    if (c.compression > 0) {
      checked(H5Pset_shuffle(creation.id()), name, "setting compression");
      checked(H5Pset_deflate(creation.id(), static_cast<unsigned>(c.compression)), name, "setting compression");
    }
    cache_one_chunk(access.id(), chunk, name);
    dataset.row_is_chunk = c.compression == 0 && is_chunk_of_one_row(chunk, c.shape);
    if (c.grows) most[0] = H5S_UNLIMITED;
  }
  const std::vector<hsize_t> now = sizes(c.shape);
  const Handle space = owned(H5Screate_simple(static_cast<int>(now.size()), now.data(), most.data()), H5Sclose, name,
                             "describing the shape");
  dataset.handle = owned(H5Dcreate2(file.handle.id(), path.c_str(), integer ? H5T_STD_I64LE : H5T_IEEE_F64LE,
                                    space.id(), H5P_DEFAULT, creation.id(), access.id()),
                         H5Dclose, name, "creating");
  return dataset;
}

Dataset open_dataset(const File& file, const std::string& path, Caching caching) {
  const std::string name = inside(file, path);
  if (!has(file, path)) throw IoError(name, "is not in the file");
  const Quiet quiet;
  Dataset dataset{.handle = {}, .name = name, .type = Type::other, .shape = {}};
  dataset.handle = owned(H5Dopen2(file.handle.id(), path.c_str(), H5P_DEFAULT), H5Dclose, name, "opening");
  dataset.type = type_of(dataset.handle.id(), name);
  dataset.shape = shape_of(dataset.handle.id(), name);
  const std::vector<hsize_t> chunk = check_storage(dataset.handle.id(), dataset.shape, name);
  if (caching == Caching::as_hdf5 || chunk.empty()) return dataset;
  const Handle access = owned(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, name, "preparing");
  cache_one_chunk(access.id(), chunk, name);
  const Handle creation = owned(H5Dget_create_plist(dataset.handle.id()), H5Pclose, name, "asking for the storage");
  dataset.row_is_chunk = H5Pget_nfilters(creation.id()) == 0 && is_chunk_of_one_row(chunk, dataset.shape);
  dataset.handle.reset();
  dataset.handle = owned(H5Dopen2(file.handle.id(), path.c_str(), access.id()), H5Dclose, name, "opening");
  return dataset;
}

std::optional<std::uint64_t> address_of(const Dataset& dataset) {
  const Quiet quiet;
  const haddr_t address = H5Dget_offset(dataset.handle.id());
  return address == HADDR_UNDEF ? std::nullopt : std::optional<std::uint64_t>(address);
}

void remove(const File& file, const std::string& path) {
  const Quiet quiet;
  checked(H5Ldelete(file.handle.id(), path.c_str(), H5P_DEFAULT), inside(file, path), "removing");
}

void resize(Dataset& dataset, std::size_t rows) {
  const Quiet quiet;
  std::vector<hsize_t> extent = sizes(dataset.shape);
  extent[0] = rows;
  checked(H5Dset_extent(dataset.handle.id(), extent.data()), dataset.name, "extending");
  dataset.shape[0] = rows;
}

void write_rows(const Dataset& dataset, std::size_t first, std::size_t count, std::span<const double> values) {
  if (values.size() != count * row_size(dataset.shape) || dataset.shape.empty() || first > dataset.shape[0] ||
      count > dataset.shape[0] - first) {
    throw ValueError(dataset.name,
                     "rows " + std::to_string(first) + " + " + std::to_string(count) + " were given " +
                         std::to_string(values.size()) + " values",
                     "existing rows, with a value for each of their elements");
  }
  if (count == 0) return;
  const Quiet quiet;
  if (dataset.row_is_chunk && dataset.type == Type::float64 && std::endian::native == std::endian::little) {
    // Past HDF5's cache: a chunk that is complete has nothing to wait for, and its copy costs half of its writing.
    const std::size_t n = values.size() / count;
    std::vector<hsize_t> start(dataset.shape.size(), 0);
    for (std::size_t row = 0; row < count; ++row) {
      start[0] = first + row;
      checked(H5Dwrite_chunk(dataset.handle.id(), H5P_DEFAULT, 0, start.data(), n * sizeof(double),
                             values.data() + row * n),
              dataset.name, "writing");
    }
    return;
  }
  const Selection s = select_rows(dataset, first, count);
  if (dataset.type == Type::int64) {
    std::vector<std::int64_t> whole(values.size());
    std::transform(values.begin(), values.end(), whole.begin(), [](double v) { return static_cast<std::int64_t>(v); });
    checked(H5Dwrite(dataset.handle.id(), H5T_NATIVE_INT64, s.memory.id(), s.file.id(), H5P_DEFAULT, whole.data()),
            dataset.name, "writing");
  } else {
    checked(H5Dwrite(dataset.handle.id(), H5T_NATIVE_DOUBLE, s.memory.id(), s.file.id(), H5P_DEFAULT, values.data()),
            dataset.name, "writing");
  }
}

void write_all(const Dataset& dataset, std::span<const double> values) {
  write_rows(dataset, 0, dataset.shape.at(0), values);
}

std::vector<double> read_rows(const Dataset& dataset, std::size_t first, std::size_t count) {
  const std::size_t rows = dataset.shape.empty() ? 1 : dataset.shape[0];
  if (first > rows || count > rows - first) {
    throw ValueError(dataset.name, "rows " + std::to_string(first) + " + " + std::to_string(count) + " were requested",
                     "0 to " + std::to_string(rows));
  }
  return read_selected(dataset, values_in(dataset, count, 1), [&] { return select_rows(dataset, first, count); });
}

std::vector<double> read_stretch(const Dataset& dataset, std::size_t row, std::size_t first, std::size_t count) {
  if (dataset.shape.size() < 2 || row >= dataset.shape[0] || first > dataset.shape[1] ||
      count > dataset.shape[1] - first) {
    throw ValueError(dataset.name,
                     "elements " + std::to_string(first) + " + " + std::to_string(count) + " of row " +
                         std::to_string(row) + " were requested",
                     "what is in the dataset");
  }
  return read_selected(dataset, values_in(dataset, count, 2), [&] {
    std::vector<hsize_t> start(dataset.shape.size(), 0), size = sizes(dataset.shape);
    start[0] = row;
    size[0] = 1;
    start[1] = first;
    size[1] = count;
    return select_block(dataset, start, size);
  });
}

}  // namespace dynvert::h5
