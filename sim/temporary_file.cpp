#include <dynvert/sim/io_error.hpp>
#include <dynvert/sim/temporary_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dynvert {

TemporaryFile::TemporaryFile(const std::filesystem::path& beside) {
  for (int attempt = 0;; ++attempt) {
    path_ = beside.parent_path() / fmt::format(".dynvert-{}-{}.part", ::getpid(), attempt);
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) break;
    if (errno != EEXIST || attempt == 1000) {
      throw IoError(beside.string(), std::string("cannot be created: ") + std::strerror(errno),
                    errno == ENOENT ? "create the folder first" : "another folder, one that you may write to");
    }
  }
}

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

int TemporaryFile::release_descriptor() { return std::exchange(descriptor_, -1); }

int TemporaryFile::move_to(const std::filesystem::path& to, bool replace) {
  int result = 0;
  if (replace) {
    result = ::rename(path_.c_str(), to.c_str());
  } else {
    result = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
    // File systems without that have links, which do not replace either.
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
      result = ::link(path_.c_str(), to.c_str());
      if (result == 0) ::unlink(path_.c_str());
    }
  }
  if (result != 0) return errno;
  path_.clear();
  return 0;
}

}  // namespace dynvert
