#include <dynvert/sim/staged_file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace dynvert {
namespace {

/// Reads a range; what lies past the end is 0. @return whether the system could
bool get(int descriptor, std::uint64_t address, char* to, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t got = ::pread(descriptor, to, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) {
      std::memset(to, 0, size);
      return true;
    }
    to += got;
    address += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

StagedFile::~StagedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void StagedFile::put(std::uint64_t address, const char* from, std::size_t size) noexcept {
  while (size > 0 && error_ == 0) {
    const ssize_t done = ::pwrite(descriptor_, from, size, static_cast<off_t>(address));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      note(done < 0 ? errno : EIO);
      return;
    }
    from += done;
    address += static_cast<std::uint64_t>(done);
    size -= static_cast<std::size_t>(done);
    on_disk_ = std::max(on_disk_, address);
  }
}

void StagedFile::hold(std::uint64_t address, const char* from, std::size_t size) {
  const std::uint64_t first = address / page, last = (address + size - 1) / page;
  std::vector<char> before((last - first + 1) * page);
  if (!get(descriptor_, first * page, before.data(), before.size())) {
    note(errno);
    return;
  }
  for (std::uint64_t number = first; number <= last; ++number) {
    const std::uint64_t start = std::max(address, number * page);
    const std::uint64_t end = std::min(address + size, (number + 1) * page);
    const char* const piece = from + (start - address);
    const char* const old = before.data() + (number - first) * page;
    auto found = held_.find(number);
    if (found == held_.end()) {
      // HDF5 writes whole chunks again of which little has changed.
      if (std::memcmp(old + (start - number * page), piece, end - start) == 0) continue;
      found = held_.emplace(number, std::vector<char>(old, old + page)).first;
    }
    std::memcpy(found->second.data() + (start - number * page), piece, end - start);
  }
}

void StagedFile::write(std::uint64_t address, const char* from, std::size_t size) noexcept {
  if (size == 0) return;
  size_ = std::max(size_, address + size);
  if (error_ != 0) return;
  const std::size_t inside =
      address >= committed_ ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size, committed_ - address));
  try {
    if (inside > 0) hold(address, from, inside);
  } catch (const std::bad_alloc&) {
    note(ENOMEM);
  }
  put(address + inside, from + inside, size - inside);
}

bool StagedFile::read(std::uint64_t address, char* to, std::size_t size) const noexcept {
  if (!get(descriptor_, address, to, size)) return false;
  for (auto held = held_.lower_bound(address / page); held != held_.end(); ++held) {
    const std::uint64_t page_start = held->first * page;
    if (page_start >= address + size) break;
    const std::uint64_t start = std::max(address, page_start), end = std::min(address + size, page_start + page);
    std::memcpy(to + (start - address), held->second.data() + (start - page_start), end - start);
  }
  return true;
}

void StagedFile::commit() noexcept {
  const std::uint64_t pages = (size_ + page - 1) / page * page;
  while (error_ == 0 && on_disk_ < pages) {
    if (::fallocate(descriptor_, 0, static_cast<off_t>(on_disk_), static_cast<off_t>(pages - on_disk_)) == 0) {
      on_disk_ = pages;
    } else if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO) {
      note(errno);
    } else if (errno != EINTR) {
      break;  // a file system without this; its writes then say themselves when it is full
    }
  }
  // From the end: in HDF5 files what refers to something mostly stands before it, and the root before all.
  for (auto held = held_.rbegin(); held != held_.rend(); ++held) {
    if (held->first * page < pages) put(held->first * page, held->second.data(), page);
  }
  while (error_ == 0 && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) {
    if (errno != EINTR) note(errno);
  }
  held_.clear();
  on_disk_ = size_;
  committed_ = pages;
}

void StagedFile::close() noexcept {
  if (descriptor_ < 0) return;
  // EINVAL: a kind of file that cannot be waited for.
  if (::fsync(descriptor_) != 0 && errno != EINVAL) note(errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) note(errno);
}

}  // namespace dynvert
