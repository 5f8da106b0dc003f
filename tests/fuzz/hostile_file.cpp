#include "hostile_file.hpp"

#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/platform/commit_journal.hpp>
#include <dynvert/sim/platform/file_descriptor.hpp>

#include <hdf5.h>
#include <hdf5_hl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

// HDF5 leaks where its calls fail; open_identifiers() has what dynvert could leak of it.
extern "C" int __lsan_is_turned_off() { return 1; }

namespace dynvert::fuzz {
namespace {

using h5::Handle;
using Bytes = FuzzedDataProvider;

constexpr std::size_t max_changes = 6;
constexpr std::size_t largest_written = 4096;  // values

constexpr std::array attribute_words{"Conventions",
                                     "complete",
                                     "trials_committed",
                                     "status",
                                     "config",
                                     "title",
                                     "seed",
                                     "rows_committed",
                                     "slot_committed",
                                     "units",
                                     "long_name",
                                     "legend",
                                     "credit",
                                     "feedback",
                                     "solver",
                                     "diverged_trials",
                                     "alpha",
                                     "version",
                                     "source_revision",
                                     "DIMENSION_LIST",
                                     "REFERENCE_LIST",
                                     "CLASS",
                                     "NAME",
                                     "resumed",
                                     "x\n\"<&"};

std::string joined(const std::string& group, const std::string& name) {
  return group == "/" ? group + name : group + "/" + name;
}

class Spoiler {
 public:
  Spoiler(hid_t file, const std::string& elsewhere, Bytes& bytes) : file_(file), elsewhere_(elsewhere), bytes_(bytes) {
    list("/");
  }

  void change() {
    switch (bytes_.ConsumeIntegralInRange(0, 11)) {
      case 0:
        return remove(object());
      case 1:
        return put_dataset();
      case 2:
        return put_group();
      case 3:
        return put_link();
      case 4:
        return put_attribute();
      case 5:
        return remove_attribute();
      case 6:
        return put_values();
      case 7:
        return set_extent();
      case 8:
        return attach();
      case 9:
        return move();
      case 10:
        return copy();
      default:
        return put_attribute();
    }
  }

 private:
  void list(const std::string& group) {
    objects_.push_back(group);
    const Handle handle(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
    if (!handle.open()) return;
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
      static_cast<std::vector<std::string>*>(to)->emplace_back(name);
      return 0;
    };
    H5Literate(handle.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names);
    for (const std::string& name : names) list(joined(group, name));
  }

  std::string object() { return objects_[bytes_.ConsumeIntegralInRange<std::size_t>(0, objects_.size() - 1)]; }

  /// Of an object, of another name beside it, or somewhere deeper.
  std::string place() {
    const std::string old = object();
    const std::size_t kind = bytes_.ConsumeIntegralInRange<std::size_t>(0, 7);
    if (kind < 6) return old;
    const std::string name = bytes_.ConsumeRandomLengthString(8);
    return kind == 6 ? joined(old, name) : joined(old.substr(0, std::max<std::size_t>(1, old.rfind('/'))), name);
  }

  void remove(const std::string& path) { H5Ldelete(file_, path.c_str(), H5P_DEFAULT); }

  hsize_t size() {
    constexpr std::array<hsize_t, 14> sizes{0,   1,        2,        3,        4,          5,          7,
                                            100, 1u << 16, 1u << 20, 1u << 28, 1ull << 33, 1ull << 45, 1ull << 62};
    return sizes[bytes_.ConsumeIntegralInRange<std::size_t>(0, sizes.size() - 1)];
  }

  std::vector<hsize_t> shape() {
    std::vector<hsize_t> shape(bytes_.ConsumeIntegralInRange<std::size_t>(0, 5));
    for (hsize_t& n : shape) n = size();
    return shape;
  }

  static Handle space_of(const std::vector<hsize_t>& shape, bool grows) {
    if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
    std::vector<hsize_t> most = shape;
    if (grows) most[0] = H5S_UNLIMITED;
    return {H5Screate_simple(static_cast<int>(shape.size()), shape.data(), most.data()), H5Sclose};
  }

  Handle type() {
    const auto copy = [](hid_t id) { return Handle(H5Tcopy(id), H5Tclose); };
    switch (bytes_.ConsumeIntegralInRange(0, 13)) {
      case 0:
        return copy(H5T_IEEE_F64LE);
      case 1:
        return copy(H5T_STD_I64LE);
      case 2:
        return copy(H5T_IEEE_F32BE);
      case 3:
        return copy(H5T_STD_U8LE);
      case 4:
        return copy(H5T_STD_U64LE);
      case 5:
        return copy(H5T_STD_REF_OBJ);
      case 6:
        return copy(H5T_NATIVE_LDOUBLE);
      case 7: {
        Handle text = copy(H5T_C_S1);
        H5Tset_size(text.id(), H5T_VARIABLE);
        return text;
      }
      case 8: {
        Handle text = copy(H5T_C_S1);
        H5Tset_size(text.id(), bytes_.ConsumeIntegralInRange<std::size_t>(1, 40));
        return text;
      }
      case 9:
        return {H5Tvlen_create(H5T_NATIVE_DOUBLE), H5Tclose};
      case 10:
        return {H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose};
      case 11:
        return {H5Tenum_create(H5T_NATIVE_INT), H5Tclose};
      case 12: {
        const hsize_t three = 3;
        return {H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &three), H5Tclose};
      }
      default: {
        Handle pair(H5Tcreate(H5T_COMPOUND, 16), H5Tclose);
        H5Tinsert(pair.id(), "dataset", 0, H5T_STD_REF_OBJ);
        H5Tinsert(pair.id(), "dimension", 8, H5T_NATIVE_INT);
        return pair;
      }
    }
  }

  void put_dataset() {
    const std::string path = place();
    if (bytes_.ConsumeBool()) remove(path);
    const std::vector<hsize_t> extent = shape();
    const bool chunked = bytes_.ConsumeBool();
    const Handle space = space_of(extent, chunked);
    const Handle kind = type();
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (chunked && !extent.empty()) {
      std::vector<hsize_t> chunk = extent;
      for (hsize_t& n : chunk) n = std::clamp<hsize_t>(n, 1, bytes_.ConsumeBool() ? 4 : 1u << 15);
      H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data());
      if (bytes_.ConsumeBool()) H5Pset_deflate(creation.id(), 1);
    } else if (bytes_.ConsumeIntegralInRange(0, 7) == 7) {
      H5Pset_external(creation.id(), elsewhere_.c_str(), 0, H5F_UNLIMITED);
    }
    const Handle dataset(
        H5Dcreate2(file_, path.c_str(), kind.id(), space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Dclose);
    if (dataset.open() && bytes_.ConsumeBool()) write_values(dataset);
  }

  void write_values(const Handle& dataset) {
    // the other file is to stay as it is: whoever changes it is not this
    const Handle creation(H5Dget_create_plist(dataset.id()), H5Pclose);
    if (H5Pget_external_count(creation.id()) != 0) return;
    const Handle space(H5Dget_space(dataset.id()), H5Sclose);
    const hssize_t count = H5Sget_simple_extent_npoints(space.id());
    if (count <= 0 || count > static_cast<hssize_t>(largest_written)) return;
    std::vector<double> values(static_cast<std::size_t>(count), number());
    for (double& v : values) {
      if (bytes_.remaining_bytes() > 0 && bytes_.ConsumeBool()) v = number();
    }
    H5Dwrite(dataset.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }

  double number() {
    constexpr double inf = std::numeric_limits<double>::infinity();
    constexpr std::array<double, 12> numbers{0,    1,     2,    -1,   0.5,    inf,
                                             -inf, 1e300, 9e18, 2e19, 1e-320, std::numeric_limits<double>::quiet_NaN()};
    return numbers[bytes_.ConsumeIntegralInRange<std::size_t>(0, numbers.size() - 1)];
  }

  void put_values() {
    const Handle dataset(H5Dopen2(file_, object().c_str(), H5P_DEFAULT), H5Dclose);
    if (dataset.open()) write_values(dataset);
  }

  void put_group() {
    const std::string path = place();
    remove(path);
    Handle(H5Gcreate2(file_, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  }

  void put_link() {
    const std::string target = object(), path = place();
    switch (bytes_.ConsumeIntegralInRange(0, 3)) {
      case 0:
        remove(path);
        H5Lcreate_soft(target.c_str(), file_, path.c_str(), H5P_DEFAULT, H5P_DEFAULT);
        return;
      case 1:
        remove(path);
        H5Lcreate_external(elsewhere_.c_str(), target.c_str(), file_, path.c_str(), H5P_DEFAULT, H5P_DEFAULT);
        return;
      default:  // of a group into itself: a circle
        H5Lcreate_hard(file_, target.c_str(), file_, joined(path, "circle").c_str(), H5P_DEFAULT, H5P_DEFAULT);
    }
  }

  std::string attribute_word() {
    return attribute_words[bytes_.ConsumeIntegralInRange<std::size_t>(0, attribute_words.size() - 1)];
  }

  void put_attribute() {
    const Handle at(H5Oopen(file_, object().c_str(), H5P_DEFAULT), H5Oclose);
    const std::string name = attribute_word();
    if (!at.open()) return;
    if (H5Aexists(at.id(), name.c_str()) > 0) H5Adelete(at.id(), name.c_str());
    const auto write = [&](hid_t kind, hid_t space, const void* data) {
      const Handle a(H5Acreate2(at.id(), name.c_str(), kind, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
      if (a.open() && data != nullptr) H5Awrite(a.id(), kind, data);
    };
    const Handle one(H5Screate(H5S_SCALAR), H5Sclose);
    switch (bytes_.ConsumeIntegralInRange(0, 5)) {
      case 0: {
        constexpr std::array<std::int64_t, 8> wholes{0, 1, 2, 3, -1, 1 << 20, INT64_MAX, INT64_MIN};
        const std::int64_t v = wholes[bytes_.ConsumeIntegralInRange<std::size_t>(0, wholes.size() - 1)];
        return write(H5T_NATIVE_INT64, one.id(), &v);
      }
      case 1: {
        const double v = number();
        return write(H5T_NATIVE_DOUBLE, one.id(), &v);
      }
      case 2:
      case 3: {
        const std::string text = bytes_.ConsumeRandomLengthString(200);
        const char* pointer = text.c_str();
        const Handle kind(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(kind.id(), H5T_VARIABLE);
        return write(kind.id(), one.id(), static_cast<const void*>(&pointer));
      }
      case 4: {
        const Handle null(H5Screate(H5S_NULL), H5Sclose);
        return write(type().id(), null.id(), nullptr);
      }
      default: {
        std::vector<hsize_t> extent(bytes_.ConsumeIntegralInRange<std::size_t>(0, 3));
        for (hsize_t& n : extent) n = bytes_.ConsumeIntegralInRange<hsize_t>(1, 6);
        // what is not written reads as zeros
        return write(type().id(), space_of(extent, false).id(), nullptr);
      }
    }
  }

  void remove_attribute() {
    const Handle at(H5Oopen(file_, object().c_str(), H5P_DEFAULT), H5Oclose);
    const std::string name = attribute_word();
    if (at.open() && H5Aexists(at.id(), name.c_str()) > 0) H5Adelete(at.id(), name.c_str());
  }

  void set_extent() {
    const Handle dataset(H5Dopen2(file_, object().c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.open()) return;
    const Handle space(H5Dget_space(dataset.id()), H5Sclose);
    std::vector<hsize_t> extent(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.id())));
    if (extent.empty()) return;
    H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr);
    // HDF5 looks for each chunk that goes: of 2^60 rows without end
    constexpr hsize_t max_rows = 1 << 16;
    if (extent[0] > max_rows) return;
    extent[0] = size();
    H5Dset_extent(dataset.id(), extent.data());
  }

  void attach() {
    const Handle dataset(H5Dopen2(file_, object().c_str(), H5P_DEFAULT), H5Dclose);
    const Handle scale(H5Dopen2(file_, object().c_str(), H5P_DEFAULT), H5Dclose);
    const auto axis = bytes_.ConsumeIntegralInRange<unsigned>(0, 2);
    if (dataset.open() && scale.open()) H5DSattach_scale(dataset.id(), scale.id(), axis);
  }

  void move() {
    const std::string from = object(), to = place();
    remove(to);
    H5Lmove(file_, from.c_str(), file_, to.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  }

  void copy() {
    const std::string from = object(), to = place();
    if (to.starts_with(from)) return;
    remove(to);
    H5Ocopy(file_, from.c_str(), file_, to.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  }

  hid_t file_;
  const std::string& elsewhere_;
  Bytes& bytes_;
  std::vector<std::string> objects_;
};

}  // namespace

void spoil(const std::string& path, const std::string& elsewhere, FuzzedDataProvider& bytes) {
  // with the file goes what failing calls have left open of it
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG);
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()), H5Fclose);
  if (!file.open()) std::abort();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  Spoiler spoiler(file.id(), elsewhere, bytes);
  const auto changes = bytes.ConsumeIntegralInRange<std::size_t>(1, max_changes);
  for (std::size_t i = 0; i < changes; ++i) spoiler.change();
}

void append_journal(int descriptor, FuzzedDataProvider& bytes) {
  Pages pages;
  const auto size = static_cast<std::uint64_t>(::lseek(descriptor, 0, SEEK_END));
  const std::uint64_t end = (size + page_size - 1) / page_size;
  const auto near = [&](std::uint64_t n) {
    return bytes.ConsumeIntegralInRange(0, 7) < 7 ? bytes.ConsumeIntegralInRange<std::uint64_t>(0, n + 1)
                                                  : bytes.ConsumeIntegral<std::uint64_t>();
  };
  const int count = bytes.ConsumeIntegralInRange(1, 4);
  for (int k = 0; k < count; ++k) {
    // what is there already: other contents would be damage, which is HDF5's to bear
    const std::uint64_t number = near(end);
    std::vector<char>& page = pages[number];
    page.assign(page_size, 0);
    if (number < end) static_cast<void>(read_range(descriptor, number * page_size, page.data(), page_size));
  }
  if (write_journal(descriptor, end * page_size, pages, near(end * page_size)) != 0) std::abort();
}

long open_identifiers() { return H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL); }

}  // namespace dynvert::fuzz
