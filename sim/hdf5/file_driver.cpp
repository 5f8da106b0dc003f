#include <dynvert/sim/hdf5/file_driver.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>

namespace dynvert::h5 {
namespace {

/// What HDF5 holds of an open file; it knows only the first member.
struct DriverFile {
  H5FD_t head;
  TransactionalFile* target;
  haddr_t allotted;
};

DriverFile& itself(H5FD_t* file) { return *reinterpret_cast<DriverFile*>(file); }
const DriverFile& itself(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file); }

H5FD_t* open_driver(const char*, unsigned, hid_t access_list, haddr_t) {
  const auto* info = static_cast<TransactionalFile* const*>(H5Pget_driver_info(access_list));
  if (info == nullptr) return nullptr;
  // HDF5 fills in the head itself, and expects it zeroed.
  auto* file = static_cast<DriverFile*>(std::calloc(1, sizeof(DriverFile)));  // NOLINT(*-no-malloc)
  if (file == nullptr) return nullptr;
  file->target = *info;
  return &file->head;
}

herr_t close_driver(H5FD_t* file) {
  std::free(reinterpret_cast<DriverFile*>(file));  // NOLINT(*-no-malloc)
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return itself(file).allotted; }

herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  itself(file).allotted = end;
  return 0;
}

haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return itself(file).target->size(); }

herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* to) {
  return itself(file).target->read(address, static_cast<char*>(to), size) ? 0 : -1;
}

herr_t write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* from) {
  itself(file).target->write(address, static_cast<const char*>(from), size);
  return 0;
}

herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
  itself(file).target->resize(itself(file).allotted);
  return 0;
}

const H5FD_class_t& driver_class() {
  static const H5FD_class_t description = [] {
    H5FD_class_t c{};
    c.name = "dynvert";
    c.maxaddr = static_cast<haddr_t>(std::numeric_limits<std::int64_t>::max());
    c.fc_degree = H5F_CLOSE_STRONG;
    c.fapl_size = sizeof(TransactionalFile*);  // NOLINT(bugprone-sizeof-expression)
    c.open = open_driver;
    c.close = close_driver;
    c.query = query;
    c.get_eoa = get_eoa;
    c.set_eoa = set_eoa;
    c.get_eof = get_eof;
    c.read = read;
    c.write = write;
    c.truncate = truncate;
    const H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(map), std::end(map), std::begin(c.fl_map));
    return c;
  }();
  return description;
}

}  // namespace

hid_t register_write_driver() noexcept { return H5FDregister(&driver_class()); }

herr_t use_write_driver(hid_t access_list, hid_t driver, TransactionalFile& target) noexcept {
  TransactionalFile* info = &target;
  return H5Pset_driver(access_list, driver, &info);
}

}  // namespace dynvert::h5
