#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/temporary_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>  // NOLINT(modernize-deprecated-headers): renameat2 is Linux's alone
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dynvert {

TemporaryFile::TemporaryFile(const std::filesystem::path& beside) : folder_(beside.parent_path()) {
  if (::access("/proc/self/fd", X_OK) == 0) {
    descriptor_ = ::open(folder_.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
  }
  if (descriptor_ < 0) {
    const int fault = take_name([&](const char* name) {
      descriptor_ = ::open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      return descriptor_ >= 0;
    });
    if (fault != 0) {
      throw IoError(beside.string(), std::string("cannot be created: ") + std::strerror(fault),
                    fault == ENOENT ? "create the folder first" : "a folder that you may write to");
    }
  }
  unnamed_ = fmt::format("/proc/self/fd/{}", descriptor_);
}

TemporaryFile::~TemporaryFile() {
  if (!name_.empty()) ::unlink(name_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

int TemporaryFile::release_descriptor() { return std::exchange(descriptor_, -1); }

int TemporaryFile::move_to(const std::filesystem::path& to, bool replace) {
  if (name_.empty()) {
    if (!replace) return link_to(to.c_str()) ? 0 : errno;
    if (const int fault = take_name([&](const char* name) { return link_to(name); }); fault != 0) return fault;
  }
  int result = 0;
  if (replace) {
    result = ::rename(name_.c_str(), to.c_str());
  } else {
    result = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
    // File systems without that have links, which do not replace either.
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
      result = ::link(name_.c_str(), to.c_str());
      if (result == 0) ::unlink(name_.c_str());
    }
  }
  if (result != 0) return errno;
  name_.clear();
  return 0;
}

bool TemporaryFile::link_to(const char* name) const {
  return ::linkat(AT_FDCWD, unnamed_.c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

int TemporaryFile::take_name(const std::function<bool(const char* name)>& create) {
  for (int attempt = 0;; ++attempt) {
    const auto name = folder_ / fmt::format(".dynvert-{}-{}.part", ::getpid(), attempt);
    if (create(name.c_str())) {
      name_ = name;
      return 0;
    }
    if (errno != EEXIST || attempt == 1000) return errno;
  }
}

}  // namespace dynvert
