#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/platform/transactional_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace dynvert {
namespace {

std::uint64_t whole_pages(std::uint64_t size) { return (size + page_size - 1) / page_size * page_size; }

}  // namespace

TransactionalFile::TransactionalFile(int descriptor, bool durable) noexcept
    : descriptor_(descriptor), durable_(durable) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) note(errno);
  if (error_ != 0 || !S_ISREG(status.st_mode)) return;
  size_ = on_disk_ = committed_size_ = static_cast<std::uint64_t>(status.st_size);
  committed_ = whole_pages(size_);
}

TransactionalFile::~TransactionalFile() {
  if (descriptor_ < 0) return;
  drop();
  ::close(descriptor_);
}

void TransactionalFile::put(std::uint64_t address, const char* from, std::size_t size) noexcept {
  if (size == 0 || error_ != 0) return;
  ask_ahead(address + size);
  if (const int fault = write_range(descriptor_, address, from, size); fault != 0) return note(fault);
  on_disk_ = std::max(on_disk_, address + size);
}

void TransactionalFile::hold(std::uint64_t address, const char* from, std::size_t size) {
  const std::uint64_t first = address / page_size, last = (address + size - 1) / page_size;
  std::vector<char> before((last - first + 1) * page_size);
  if (const int fault = read_range(descriptor_, first * page_size, before.data(), before.size()); fault != 0) {
    return note(fault);
  }
  for (std::uint64_t number = first; number <= last; ++number) {
    const std::uint64_t start = std::max(address, number * page_size);
    const std::uint64_t end = std::min(address + size, (number + 1) * page_size);
    const char* const piece = from + (start - address);
    const char* const old = before.data() + (number - first) * page_size;
    auto found = held_.find(number);
    if (found == held_.end()) {
      // HDF5 writes whole chunks again of which little has changed.
      if (std::memcmp(old + (start - number * page_size), piece, end - start) == 0) continue;
      found = held_.emplace(number, std::vector<char>(old, old + page_size)).first;
    }
    std::memcpy(found->second.data() + (start - number * page_size), piece, end - start);
  }
}

void TransactionalFile::write(std::uint64_t address, const char* from, std::size_t size) noexcept {
  if (size == 0) return;
  size_ = std::max(size_, address + size);
  if (error_ != 0) return;
  const auto covers = [&](const Range& r) { return r.first <= address && address + size <= r.end; };
  if (std::ranges::any_of(released_, covers)) return put(address, from, size);
  const std::size_t inside =
      address >= committed_ ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size, committed_ - address));
  try {
    if (inside > 0) hold(address, from, inside);
  } catch (const std::bad_alloc&) {
    note(ENOMEM);
  }
  put(address + inside, from + inside, size - inside);
}

bool TransactionalFile::read(std::uint64_t address, char* to, std::size_t size) const noexcept {
  if (read_range(descriptor_, address, to, size) != 0) return false;
  for (auto held = held_.lower_bound(address / page_size); held != held_.end(); ++held) {
    const std::uint64_t page_start = held->first * page_size;
    if (page_start >= address + size) break;
    const std::uint64_t start = std::max(address, page_start), end = std::min(address + size, page_start + page_size);
    std::memcpy(to + (start - address), held->second.data() + (start - page_start), end - start);
  }
  return true;
}

void TransactionalFile::reserve(std::uint64_t size) noexcept {
  while (error_ == 0 && on_disk_ < size) {
    if (::fallocate(descriptor_, 0, static_cast<off_t>(on_disk_), static_cast<off_t>(size - on_disk_)) == 0) {
      on_disk_ = size;
    } else if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO) {
      note(errno);
    } else if (errno != EINTR) {
      return;  // a file system without this; its writes then say themselves when it is full
    }
  }
}

/// Room for a growing file in large pieces: a write to it then takes three quarters of the time (ext4). The file's
/// length stays, and what is not used goes with set_length. Nothing depends on whether the system can.
void TransactionalFile::ask_ahead(std::uint64_t size) noexcept {
  constexpr std::uint64_t least = std::uint64_t{1} << 20, most = std::uint64_t{8} << 20;
  if (size <= std::max(ahead_, least)) return;
  ahead_ = size + std::min(size, most);
  if (::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size), static_cast<off_t>(ahead_ - size)) != 0) {
    // a disk that is nearly full, or a file system without this
    ahead_ = std::numeric_limits<std::uint64_t>::max();
  }
}

void TransactionalFile::release(std::uint64_t address, std::uint64_t size) noexcept {
  // Pages at the ends are shared with others, and pages that are held would cover what is written beneath them.
  const Range range{whole_pages(address), (address + size) / page_size * page_size};
  if (range.first >= range.end ||
      held_.lower_bound(range.first / page_size) != held_.lower_bound(range.end / page_size))
    return;
  try {
    released_.push_back(range);
  } catch (const std::bad_alloc&) {
    // held in memory, then
  }
}

void TransactionalFile::drop() noexcept {
  // a journal that the system cut short is what the file is mended from
  if (!torn_) note(set_length(descriptor_, committed_size_));
}

void TransactionalFile::commit() noexcept {
  const std::uint64_t pages = whole_pages(size_);
  held_.erase(held_.lower_bound(pages / page_size), held_.end());
  reserve(pages + (held_.empty() ? 0 : journal_size(held_.size())));
  if (!held_.empty() && error_ == 0) {
    note(write_journal(descriptor_, pages, held_, size_));
    if (durable_ && error_ == 0) note(wait_for_disk(descriptor_));
    if (error_ == 0) {
      note(write_pages(descriptor_, held_));
      if (durable_ && error_ == 0) note(wait_for_disk(descriptor_));
      torn_ = error_ != 0;
    }
  }
  if (error_ != 0) return;
  note(set_length(descriptor_, size_));
  held_.clear();
  released_.clear();
  on_disk_ = committed_size_ = size_;
  if (ahead_ != std::numeric_limits<std::uint64_t>::max()) ahead_ = size_;
  committed_ = pages;
}

void TransactionalFile::close() noexcept {
  if (descriptor_ < 0) return;
  if (error_ != 0) drop();
  // EINVAL: a kind of file that cannot be waited for.
  if (::fsync(descriptor_) != 0 && errno != EINVAL) note(errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) note(errno);
}

}  // namespace dynvert
