// Files of HDF5: created and opened, and the faults that each call may meet.

#include <dynvert/sim/hdf5/call.hpp>
#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/platform/file_format.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace dynvert::h5 {

namespace {

/// Like the timer that they are about, of the whole process. 0: no limit
std::atomic<unsigned> call_seconds = 0;
std::atomic<unsigned> calls_under_way = 0;

void set_call_timer(unsigned seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  ::setitimer(ITIMER_PROF, &timer, nullptr);
}

}  // namespace

void limit_calls(unsigned seconds) {
  call_seconds = seconds;
  calls_under_way = 0;  // the caller's, which a child inherits
}

Quiet::Quiet() {
  if (calls_under_way++ == 0 && call_seconds != 0) set_call_timer(call_seconds);
  H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Quiet::~Quiet() {
  H5Eset_auto2(H5E_DEFAULT, print_, data_);
  if (--calls_under_way == 0 && call_seconds != 0) set_call_timer(0);
}

std::string explanation() {
  std::vector<std::string> messages;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_DOWNWARD,
      [](unsigned, const H5E_error2_t* error, void* to) -> herr_t {
        if (error->desc != nullptr && *error->desc != '\0') {
          static_cast<std::vector<std::string>*>(to)->emplace_back(error->desc);
        }
        return 0;
      },
      &messages);
  if (messages.empty()) return "HDF5 gives no reason";
  return messages.size() == 1 ? messages.front() : messages.front() + ", " + messages.back();
}

void fail(const std::string& object, const std::string& doing) {
  throw IoError(object, doing + " failed (" + explanation() + ")");
}

Handle owned(hid_t id, Handle::Closer closer, const std::string& object, const char* doing) {
  if (id < 0) fail(object, doing);
  return Handle(id, closer);
}

void checked(herr_t result, const std::string& object, const char* doing) {
  if (result < 0) fail(object, doing);
}

std::string inside(const File& file, const std::string& path) { return file.path + ":" + path; }

Handle open_object(const File& file, const std::string& path) {
  return owned(H5Oopen(file.handle.id(), path.c_str(), H5P_DEFAULT), H5Oclose, inside(file, path), "opening");
}

namespace {

/// Access to files through dynvert's driver.
Handle transactional_access(TransactionalFile& target, const std::string& path) {
  Handle access = owned(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path, "preparing to write");
  const Handle driver = owned(register_write_driver(), H5FDunregister, path, "preparing to write");
  checked(use_write_driver(access.id(), driver.id(), target), path, "preparing to write");
  checked(H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18), path, "preparing to write");
  checked(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), path, "preparing to write");
  return access;
}

/// What kept HDF5 from opening a file.
[[noreturn]] void refuse_to_open(const std::string& path) {
  const std::string why = explanation();
  if (why.find("truncated file") != std::string::npos) {
    throw IoError(path, "is truncated: it is shorter than its header says", "copy it again from where it came from");
  }
  if (why.find("unable to lock file") != std::string::npos) {
    throw IoError(path, "is being written by another process",
                  "wait until that is done, or set HDF5_USE_FILE_LOCKING=FALSE in the environment to read what is "
                  "there so far");
  }
  throw IoError(path, "cannot be opened as an HDF5 file (" + why + ")", "copy it again, or write it again");
}

}  // namespace

File create_file(TransactionalFile& target, const std::string& path) {
  const Quiet quiet;
  const Handle access = transactional_access(target, path);
  const Handle creation = owned(H5Pcreate(H5P_FILE_CREATE), H5Pclose, path, "preparing to create");
  checked(H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), path,
          "preparing to create");
  return {owned(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose, path, "creating"), path};
}

File open_transactional(TransactionalFile& target, const std::string& path) {
  const Quiet quiet;
  const Handle access = transactional_access(target, path);
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()), H5Fclose);
  if (!file.open()) refuse_to_open(path);
  return {std::move(file), path};
}

int open_descriptor(const std::string& path, bool writing) {
  const auto refuse = [&](int error) {
    throw IoError(path, std::string("cannot be opened: ") + std::strerror(error),
                  error == ENOENT ? "check the name of the file" : "");
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) refuse(errno);
  if (S_ISDIR(status.st_mode)) throw IoError(path, "is a folder, not an HDF5 file");
  if (!S_ISREG(status.st_mode)) throw IoError(path, "is not a regular file");
  FileDescriptor descriptor(::open(path.c_str(), (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  if (descriptor.value() < 0) refuse(errno);
  // The signature stands at 0, 512, 1024, 2048, ... HDF5's own test calls a file that it cannot lock "not HDF5".
  bool signature = false;
  for (off_t at = 0; at < status.st_size && !signature; at = at == 0 ? 512 : 2 * at) {
    char bytes[8] = {};
    signature = ::pread(descriptor.value(), bytes, sizeof bytes, at) == sizeof bytes &&
                std::memcmp(bytes, "\x89HDF\r\n\x1a\n", sizeof bytes) == 0;
  }
  if (!signature) {
    if (status.st_size == 0) throw IoError(path, "is empty, not an HDF5 file");
    const auto format = recognise_format(path);
    if (!format) throw IoError(path, "is not an HDF5 file");
    throw IoError(path, "is " + format->name + ", not an HDF5 file", format->remedy);
  }
  return descriptor.release();
}

File open_file(const std::string& path) {
  const FileDescriptor descriptor(open_descriptor(path, false));
  const Quiet quiet;
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  // HDF5's lock says first whether somebody is still at it.
  bool locked = !file.open() && explanation().find("unable to lock file") != std::string::npos;
  bool has_locks = true;
  if (locked && explanation().find("errno = " + std::to_string(EWOULDBLOCK) + ",") == std::string::npos) {
    // nobody has it: the file system has no locks
    const Handle access = owned(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path, "preparing to read");
    checked(H5Pset_file_locking(access.id(), 0, 1), path, "preparing to read");
    file = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
    has_locks = locked = false;
  }
  if (!locked && has_journal(descriptor.value())) {
    throw IoError(path, "was left by a process that died while it committed, and may be inconsistent",
                  "dynvert recover " + path);
  }
  if (!file.open()) refuse_to_open(path);
  return {std::move(file), path, has_locks};
}

}  // namespace dynvert::h5
