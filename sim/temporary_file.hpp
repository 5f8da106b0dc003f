#pragma once

#include <filesystem>
#include <string>

namespace dynvert {

/// A new file beside another that goes away again unless it is moved in its place. Where the file system can, it has no
/// name until then, so that a process that dies leaves nothing behind.
class TemporaryFile {
 public:
  /// @throws IoError naming `beside` where its folder cannot be written
  explicit TemporaryFile(const std::filesystem::path& beside);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Open for reading and writing.
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Leaves closing to the caller, who keeps it open until the file has been moved.
  int release_descriptor();

  /// @param replace  false: nothing at `to` is ever replaced, however late it appeared
  /// @return 0, or errno
  int move_to(const std::filesystem::path& to, bool replace);

 private:
  [[nodiscard]] bool link_to(const char* name) const;
  template <typename Create>
  int take_name(const Create& create);

  std::filesystem::path folder_, name_;
  std::string unnamed_;
  int descriptor_ = -1;
};

}  // namespace dynvert
