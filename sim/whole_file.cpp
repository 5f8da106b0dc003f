#include <dynvert/sim/io_error.hpp>
#include <dynvert/sim/temporary_file.hpp>
#include <dynvert/sim/whole_file.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace dynvert {

namespace {

constexpr const char* other_name = "another name for the output";

void check_replaceable(const std::string& path, std::string_view signature) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw IoError(path, "is not a regular file, and is not overwritten", other_name);
  }
  std::string start(signature.size(), '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  if (start != signature) {
    throw IoError(path, "is not overwritten, because it is nothing that this command has written",
                  "another name for the output, or remove the file yourself");
  }
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
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path place = fs::absolute(path, error);
  if (fs::is_directory(place, error)) throw IoError(path, "is a folder", "the path of a file in it");
  const bool exists = fs::exists(fs::symlink_status(place, error));
  constexpr const char* exists_fault = "exists already";
  constexpr const char* exists_remedy = "another name for the output, or --overwrite";
  if (exists && !overwrite) throw IoError(path, exists_fault, exists_remedy);
  if (exists) {
    check_replaceable(path, signature);
    // Behind a link, the file is replaced and the link stays.
    place = fs::weakly_canonical(place, error);
  }
  TemporaryFile temporary(place);
  write_all(temporary.descriptor(), path, contents);
  // EINVAL: a kind of file that cannot be waited for
  if (::fsync(temporary.descriptor()) != 0 && errno != EINVAL) {
    throw IoError(path, std::string("cannot be written: ") + std::strerror(errno), "more room, or another disk");
  }
  const int fault = temporary.move_to(place, exists);
  if (fault == EEXIST) throw IoError(path, exists_fault, exists_remedy);
  if (fault != 0) throw IoError(path, std::string("cannot be created: ") + std::strerror(fault), "another folder");
}

}  // namespace dynvert
