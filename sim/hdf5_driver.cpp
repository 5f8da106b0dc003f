#include <dynvert/sim/hdf5_driver.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>

namespace dynvert::h5 {
namespace {

/// What HDF5 holds of an open file; it knows only the first member.
struct DriverFile {
  H5FD_t head;
  WriteTarget* target;
};

WriteTarget& target_of(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file)->target; }

void note_fault(WriteTarget& target, int error) {
  if (target.error == 0) target.error = error;
}

H5FD_t* open_driver(const char*, unsigned, hid_t access_list, haddr_t) {
  const auto* info = static_cast<WriteTarget* const*>(H5Pget_driver_info(access_list));
  if (info == nullptr) return nullptr;
  // HDF5 fills in the head itself, and expects it zeroed.
  auto* file = static_cast<DriverFile*>(std::calloc(1, sizeof(DriverFile)));
  if (file == nullptr) return nullptr;
  file->target = *info;
  return &file->head;
}

herr_t close_driver(H5FD_t* file) {
  std::free(reinterpret_cast<DriverFile*>(file));
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return target_of(file).used; }

herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  target_of(file).used = end;
  return 0;
}

haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return target_of(file).size; }

herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  const WriteTarget& target = target_of(file);
  auto* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t got = ::pread(target.descriptor, to, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {  // past the end, where HDF5 has allotted room but written nothing
      std::memset(to, 0, size);
      return 0;
    }
    to += got;
    address += static_cast<haddr_t>(got);
    size -= static_cast<size_t>(got);
  }
  return 0;
}

herr_t write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* buffer) {
  WriteTarget& target = target_of(file);
  target.size = std::max<std::uint64_t>(target.size, address + size);
  const auto* from = static_cast<const char*>(buffer);
  while (size > 0 && target.error == 0) {
    const ssize_t put = ::pwrite(target.descriptor, from, size, static_cast<off_t>(address));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      note_fault(target, put < 0 ? errno : EIO);
      break;
    }
    from += put;
    address += static_cast<haddr_t>(put);
    size -= static_cast<size_t>(put);
  }
  return 0;
}

herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
  WriteTarget& target = target_of(file);
  if (target.size == target.used) return 0;
  target.size = target.used;
  while (target.error == 0 && ::ftruncate(target.descriptor, static_cast<off_t>(target.used)) != 0) {
    if (errno != EINTR) note_fault(target, errno);
  }
  return 0;
}

const H5FD_class_t& driver_class() {
  static const H5FD_class_t description = [] {
    H5FD_class_t c{};
    c.name = "dynvert";
    c.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
    c.fc_degree = H5F_CLOSE_STRONG;
    c.fapl_size = sizeof(WriteTarget*);
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

void reserve(WriteTarget& target) noexcept {
  if (target.error != 0 || target.used <= target.size) return;
  const auto from = static_cast<off_t>(target.size);
  const auto length = static_cast<off_t>(target.used - target.size);
  while (::fallocate(target.descriptor, 0, from, length) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO) note_fault(target, errno);
    return;
  }
  target.size = target.used;
}

hid_t register_write_driver() noexcept { return H5FDregister(&driver_class()); }

herr_t use_write_driver(hid_t access_list, hid_t driver, WriteTarget& target) noexcept {
  WriteTarget* info = &target;
  return H5Pset_driver(access_list, driver, &info);
}

}  // namespace dynvert::h5
