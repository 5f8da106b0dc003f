#include <dynvert/sim/io_error.hpp>
#include <dynvert/sim/new_file.hpp>

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
  const int fault = temporary_->move_to(place_, exists_);
  if (fault == EEXIST) throw IoError(path_, "exists already", exists_remedy);
  if (fault != 0) throw IoError(path_, std::string("cannot be created: ") + std::strerror(fault), "another folder");
}

}  // namespace dynvert
