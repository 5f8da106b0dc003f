#include <dynvert/sim/platform/file_descriptor.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dynvert {

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

int FileDescriptor::release() noexcept { return std::exchange(value_, -1); }

int read_range(int descriptor, std::uint64_t address, char* to, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t got = ::pread(descriptor, to, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) {
      std::memset(to, 0, size);
      return 0;
    }
    to += got;
    address += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return 0;
}

int write_range(int descriptor, std::uint64_t address, const char* from, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t done = ::pwrite(descriptor, from, size, static_cast<off_t>(address));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return done < 0 ? errno : EIO;
    from += done;
    address += static_cast<std::uint64_t>(done);
    size -= static_cast<std::size_t>(done);
  }
  return 0;
}

int set_length(int descriptor, std::uint64_t size) noexcept {
  while (::ftruncate(descriptor, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int wait_for_disk(int descriptor) noexcept {
  while (::fdatasync(descriptor) != 0) {
    // a kind of file that cannot be waited for
    if (errno == EINVAL || errno == ENOTSUP) return 0;
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace dynvert
