#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/new_file.hpp>

#include <cerrno>
#include <cstring>

namespace dynvert {

namespace {

constexpr const char* exists_remedy = "another name with -o, or --overwrite to replace it";

[[noreturn]] void fail_to_write(const std::string& name, int error) {
  throw IoError(name, std::string("cannot be written: ") + std::strerror(error), "more room, or another disk");
}

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
  if (const int error = wait_for_disk(temporary_->descriptor()); error != 0) fail_to_write(path_, error);
  const int fault = temporary_->move_to(place_, exists_);
  if (fault == EEXIST) throw IoError(path_, "exists already", exists_remedy);
  if (fault != 0) throw IoError(path_, std::string("cannot be created: ") + std::strerror(fault), "another folder");
}

void write_at(int descriptor, std::uint64_t address, const void* from, std::size_t bytes, const std::string& name) {
  if (const int error = write_range(descriptor, address, static_cast<const char*>(from), bytes); error != 0) {
    fail_to_write(name, error);
  }
}

}  // namespace dynvert
