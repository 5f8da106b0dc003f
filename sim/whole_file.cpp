#include <dynvert/sim/io_error.hpp>
#include <dynvert/sim/new_file.hpp>
#include <dynvert/sim/whole_file.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace dynvert {

namespace {

/// Why the file is none that begins with the signature; empty: it is one.
std::string not_ours(const std::string& path, std::string_view signature) {
  std::string start(signature.size(), '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == signature ? "" : "is nothing that this command has written";
}

void write_all(int descriptor, const std::string& path, std::string_view contents) {
  while (!contents.empty()) {
    const ssize_t done = ::write(descriptor, contents.data(), contents.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      throw IoError(path, std::string("cannot be written: ") + std::strerror(done < 0 ? errno : EIO),
                    "more room, or another disk");
    }
    contents.remove_prefix(static_cast<std::size_t>(done));
  }
}

}  // namespace

void write_whole_file(const std::string& path, std::string_view contents, bool overwrite, std::string_view signature) {
  NewFile file(path, overwrite, [signature](const std::string& old) { return not_ours(old, signature); });
  write_all(file.descriptor(), path, contents);
  // EINVAL: a kind of file that cannot be waited for
  if (::fsync(file.descriptor()) != 0 && errno != EINVAL) {
    throw IoError(path, std::string("cannot be written: ") + std::strerror(errno), "more room, or another disk");
  }
  file.publish();
}

}  // namespace dynvert
