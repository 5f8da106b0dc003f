#pragma once

#include <filesystem>
#include <functional>
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
  /// The new owner keeps it open until the file was moved.
  int release_descriptor();

  /// @param replace  false: nothing at `to` is ever replaced, however late it appeared
  /// @return 0, or errno
  int move_to(const std::filesystem::path& to, bool replace);

 private:
  [[nodiscard]] bool link_to(const char* name) const;
  /// @param create  makes a file of a name that nobody has, or leaves errno. @return 0, or errno
  int take_name(const std::function<bool(const char* name)>& create);

  std::filesystem::path folder_, name_;
  std::string unnamed_;
  int descriptor_ = -1;
};

}  // namespace dynvert
