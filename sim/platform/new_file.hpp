#pragma once

#include <dynvert/sim/platform/temporary_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace dynvert {

/// An output that stands at its place with all of its contents, or not at all: written under a temporary name beside
/// it, and moved there when it is done.
class NewFile {
 public:
  /// @return why the file that stands there is not one to be replaced ("is no stability map"); empty: it may be
  using Replaceable = std::function<std::string(const std::string& path)>;

  /// @throws IoError  it exists and overwrite was not asked, or it may not be replaced; its folder cannot be written
  NewFile(const std::string& path, bool overwrite, const Replaceable& replaceable);

  /// Open for reading and writing.
  [[nodiscard]] int descriptor() const { return temporary_->descriptor(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Waits until the disk has it, and moves it in place.
  /// @throws IoError  the disk did not take it; something has appeared at its place meanwhile
  void publish();

 private:
  std::string path_;
  std::filesystem::path place_;
  bool exists_ = false;
  std::optional<TemporaryFile> temporary_;
};

/// Writes all of a range of a file. @throws IoError naming the output
void write_at(int descriptor, std::uint64_t address, const void* from, std::size_t bytes, const std::string& name);

}  // namespace dynvert
