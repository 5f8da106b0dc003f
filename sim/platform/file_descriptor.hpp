#pragma once

/// Whole reads and writes of a file descriptor: interrupted and partial calls are continued.

#include <cstddef>
#include <cstdint>

namespace dynvert {

/// A file descriptor that closes itself.
class FileDescriptor {
 public:
  explicit FileDescriptor(int value) noexcept : value_(value) {}
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int value() const noexcept { return value_; }
  [[nodiscard]] int release() noexcept;

 private:
  int value_;
};

/// Reads a range; what lies past the end of the file is 0. @return 0, or errno
[[nodiscard]] int read_range(int descriptor, std::uint64_t address, char* to, std::size_t size) noexcept;

/// @return 0, or errno
[[nodiscard]] int write_range(int descriptor, std::uint64_t address, const char* from, std::size_t size) noexcept;

/// Cuts or extends the file. @return 0, or errno
[[nodiscard]] int set_length(int descriptor, std::uint64_t size) noexcept;

/// Waits until the disk has what was written. @return 0, or errno
[[nodiscard]] int wait_for_disk(int descriptor) noexcept;

}  // namespace dynvert
