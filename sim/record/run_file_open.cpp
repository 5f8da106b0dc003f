// How a RunFile is made: created under a temporary name and moved in place, or opened again.

#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/platform/temporary_file.hpp>
#include <dynvert/sim/record/run_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace dynvert {
namespace {

/// Locks a file against other writers. @return whether it is; false where the file system has no locks
bool lock(int descriptor, const std::string& path, const char* taken, const char* remedy) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) throw IoError(path, taken, remedy);
  return false;
}

constexpr const char* exists_remedy = "another name for the output, or ask for this file to be overwritten";

/// Opens and locks the file to be replaced. @throws IoError where it must not be
int open_replaceable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw IoError(path, "is not a regular file, and is not overwritten", "another name for the output");
  }
  FileDescriptor old(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (old.value() < 0) {
    throw IoError(path, std::string("cannot be read, and is not overwritten: ") + std::strerror(errno),
                  "another name for the output");
  }
  // Readers hold shared locks, and may go on reading what they opened.
  if (::flock(old.value(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw IoError(path, "is being written by another process, and is not overwritten",
                  "wait until that is done, or another name for the output");
  }
  std::string conventions;
  try {
    h5::first_pass(path);
    const auto value = h5::read_attribute(h5::open_file(path), "/", "Conventions");
    if (value && std::holds_alternative<std::string>(*value)) conventions = std::get<std::string>(*value);
  } catch (const IoError& error) {
    throw IoError(path, "is not overwritten, because it is not a readable dynvert file (" + error.fault() + ")",
                  "another name for the output, or remove the file yourself");
  }
  if (conventions != file_conventions) {
    throw IoError(path, std::string("is not overwritten, because it is not a file of the format ") + file_conventions,
                  "another name for the output, or remove the file yourself");
  }
  return old.release();
}

}  // namespace

RunFile RunFile::create_in(int descriptor, const std::string& name, const RunFileOptions& options,
                           const std::vector<Attribute>& attributes) {
  auto target = std::make_unique<TransactionalFile>(descriptor, options.durable);
  if (options.compression < 0 || options.compression > 9) {
    throw ValueError("compression", "is " + std::to_string(options.compression), "0 to 9");
  }
  h5::File file = h5::create_file(*target, name);
  RunFile run(std::move(target), std::move(file), options.compression);
  run.write_header(attributes);
  return run;
}

RunFile RunFile::create(const std::string& path, const RunFileOptions& options,
                        const std::vector<Attribute>& attributes) {
  namespace fs = std::filesystem;
  if (path.empty()) throw ValueError("output", "has an empty name", "the path of a file");
  std::error_code error;
  fs::path place = fs::absolute(path, error);
  if (fs::is_directory(place, error)) throw IoError(path, "is a folder", "the path of a file in it");
  const bool exists = fs::exists(fs::symlink_status(place, error));
  if (exists && !options.overwrite) throw IoError(path, "exists already", exists_remedy);
  // Behind a link, the file is replaced and the link stays.
  if (exists) place = fs::weakly_canonical(place, error);
  const FileDescriptor old(exists ? open_replaceable(path) : -1);

  TemporaryFile temporary(place);
  const bool locked = lock(temporary.descriptor(), path, "cannot be locked", "another name for the output");
  RunFile run = create_in(temporary.release_descriptor(), path, options, attributes);
  run.file_.has_locks = locked;

  if (old.value() >= 0) {
    struct stat before {
    }, now{};
    const bool same = ::fstat(old.value(), &before) == 0 && ::stat(place.c_str(), &now) == 0 &&
                      before.st_ino == now.st_ino && before.st_dev == now.st_dev;
    if (!same) throw IoError(path, "was replaced by another process meanwhile", exists_remedy);
  }
  if (const int fault = temporary.move_to(place, old.value() >= 0); fault == EEXIST) {
    throw IoError(path, "exists already", exists_remedy);
  } else if (fault != 0) {
    throw IoError(path, std::string("cannot be created: ") + std::strerror(fault), "another folder");
  }
  return run;
}

namespace {

/// Opens a file to go on with, and locks it. @param mended  set where it had a commit to be finished, which is
FileDescriptor open_to_go_on(const std::string& path, bool& locked, bool& mended) {
  FileDescriptor descriptor(h5::open_descriptor(path, true));
  locked = lock(descriptor.value(), path, "is in use by another process", "wait until that is done");
  if (has_journal(descriptor.value())) mended = true;
  if (const int fault = finish_journal(descriptor.value()); fault != 0) {
    throw IoError(path, std::string("cannot be written: ") + std::strerror(fault), "more room, or another disk");
  }
  return FileDescriptor(descriptor.release());
}

}  // namespace

RunFile RunFile::reopen(const std::string& path, const RunFileOptions& options) {
  bool locked = false, mended = false;
  // The first pass comes when the file is whole, and is without the lock: its process would inherit it, and could keep
  // it for longer than this one lives.
  static_cast<void>(open_to_go_on(path, locked, mended));
  h5::first_pass(path, h5::Locking::none);
  FileDescriptor descriptor = open_to_go_on(path, locked, mended);
  auto target = std::make_unique<TransactionalFile>(descriptor.release(), options.durable);
  h5::File file = h5::open_transactional(*target, path);
  file.has_locks = locked;
  RunFile run(std::move(target), std::move(file), options.compression);
  run.reopened_ = true;
  run.mended_ = mended;
  if (run.attribute("/", "Conventions") != AttributeValue(std::string(file_conventions))) {
    throw IoError(path, std::string("is not a file of the format ") + file_conventions, "the name of another file");
  }
  const auto committed = run.attribute("/", "trials_committed");
  if (!committed || !std::holds_alternative<std::int64_t>(*committed)) {
    throw IoError(path, "does not say how many of its trials can be trusted (trials_committed)");
  }
  run.committed_ = std::get<std::int64_t>(*committed);
  return run;
}

namespace {

std::size_t keep_committed_below(const h5::File& file, const std::string& group) {
  std::size_t dropped = 0;
  std::vector<h5::Dataset> datasets;
  for (const std::string& name : h5::tree_children(file, group)) {
    const std::string path = group == "/" ? group + name : group + "/" + name;
    if (h5::is_group(file, path)) {
      dropped += keep_committed_below(file, path);
    } else {
      datasets.push_back(h5::open_dataset(file, path));
    }
  }
  for (const h5::Dataset& scale : datasets) {
    const std::string path = scale.name.substr(file.path.size() + 1);
    const auto committed = h5::read_attribute(file, path, rows_committed_attribute);
    if (!committed || !std::holds_alternative<std::int64_t>(*committed)) continue;
    const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(0, std::get<std::int64_t>(*committed)));
    if (scale.shape.size() != 1 || scale.shape[0] <= rows) continue;
    dropped += scale.shape[0] - rows;
    for (h5::Dataset& dataset : datasets) {
      if (&dataset != &scale && h5::is_attached(dataset, scale, 0)) h5::resize(dataset, rows);
    }
    h5::Dataset shortened = h5::open_dataset(file, path);
    h5::resize(shortened, rows);
  }
  return dropped;
}

}  // namespace

std::size_t RunFile::keep_committed() {
  check_open();
  const std::size_t dropped = keep_committed_below(file_, "/");
  check_written();
  return dropped;
}

}  // namespace dynvert
