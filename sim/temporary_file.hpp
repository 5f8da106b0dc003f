#pragma once

#include <filesystem>

namespace dynvert {

/// A new file beside another that goes away again unless it is moved in its place.
class TemporaryFile {
 public:
  /// @throws IoError naming `beside` where its folder cannot be written
  explicit TemporaryFile(const std::filesystem::path& beside);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Open for reading and writing.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Leaves closing to the caller.
  int release_descriptor();

  /// @param replace  false: nothing at `to` is ever replaced, however late it appeared
  /// @return 0, or errno
  int move_to(const std::filesystem::path& to, bool replace);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace dynvert
