#include <dynvert/sim/io_error.hpp>
#include <dynvert/sim/new_file.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dynvert {

namespace {

constexpr const char* exists_remedy = "another name with -o, or --overwrite to replace it";

}  // namespace

NewFile::NewFile(const std::string& path, bool overwrite, const Replaceable& replaceable) : path_(path) {
  namespace fs = std::filesystem;
  if (path.empty()) throw ValueError("output", "has an empty name", "the path of a file");
  std::error_code error;
  place_ = fs::absolute(path, error);
  if (fs::is_directory(place_, error)) throw IoError(path, "is a folder", "the path of a file in it");
  exists_ = fs::exists(fs::symlink_status(place_, error));
  if (exists_ && !overwrite) throw IoError(path, "exists already", exists_remedy);
  if (exists_) {
    const std::string fault = fs::is_regular_file(place_, error) ? replaceable(path) : "is not a regular file";
    if (!fault.empty()) {
      throw IoError(path, "is not overwritten: it " + fault, "another name with -o, or remove the file yourself");
    }
    // Behind a link, the file is replaced and the link stays.
    place_ = fs::weakly_canonical(place_, error);
  }
  temporary_.emplace(place_);
}

void NewFile::publish() {
  // EINVAL: a kind of file that cannot be waited for
  if (::fsync(temporary_->descriptor()) != 0 && errno != EINVAL) {
    throw IoError(path_, std::string("cannot be written: ") + std::strerror(errno), "more room, or another disk");
  }
  const int fault = temporary_->move_to(place_, exists_);
  if (fault == EEXIST) throw IoError(path_, "exists already", exists_remedy);
  if (fault != 0) throw IoError(path_, std::string("cannot be created: ") + std::strerror(fault), "another folder");
}

void write_at(int descriptor, std::uint64_t address, const void* from, std::size_t bytes, const std::string& name) {
  const auto* data = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t done = ::pwrite(descriptor, data, bytes, static_cast<off_t>(address));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      throw IoError(name, std::string("cannot be written: ") + std::strerror(done < 0 ? errno : EIO),
                    "more room, or another disk");
    }
    data += done;
    address += static_cast<std::uint64_t>(done);
    bytes -= static_cast<std::size_t>(done);
  }
}

}  // namespace dynvert
