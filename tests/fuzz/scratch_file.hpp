#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

namespace dynvert::fuzz {

/// A file in the folder for temporary files, for which run.sh names one in memory. It goes away with the object.
class ScratchFile {
 public:
  ScratchFile() : path_((std::filesystem::temp_directory_path() / "dynvert-fuzz-XXXXXX").string()) {
    descriptor_ = ::mkostemp(path_.data(), O_CLOEXEC);
    if (descriptor_ < 0) std::abort();
  }
  explicit ScratchFile(std::span<const std::byte> content) : ScratchFile() {
    if (::write(descriptor_, content.data(), content.size()) != static_cast<ssize_t>(content.size())) std::abort();
  }
  explicit ScratchFile(const std::string& content) : ScratchFile(std::as_bytes(std::span(content))) {}
  ~ScratchFile() {
    ::close(descriptor_);
    ::unlink(path_.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace dynvert::fuzz
