#include <dynvert/sim/hdf5/call.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/child_process.hpp>
#include <dynvert/sim/platform/file_descriptor.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <new>

namespace dynvert::h5 {

namespace {

/// What of a first pass is done at most.
constexpr std::size_t max_objects = 200'000, max_values = std::size_t{1} << 16, max_depth = 16;
constexpr std::size_t max_memory = std::size_t{1} << 30;  // bytes, besides what the process has
constexpr int exit_no_memory = 9;

/// Processor time of one call of the library: ten seconds, and one for every 20 MB that it may have to read.
unsigned seconds_for(const std::string& path) {
  struct stat status {};
  const off_t bytes = ::stat(path.c_str(), &status) == 0 ? status.st_size : 0;
  constexpr off_t bytes_a_second = 20'000'000, most = 100'000;
  return 10 + static_cast<unsigned>(std::min(bytes / bytes_a_second, most));
}

constexpr const char* copy_again = "copy it again from where it came from, or write it again: it is probably damaged";

/// @throws IoError  where a child did not survive a file
void check_end(const ChildEnd& end, const std::string& path) {
  if (end.signal == SIGPROF) {
    throw IoError(path, "cannot be read: the HDF5 library does not return from it", copy_again);
  }
  if (is_crash(end.signal)) {
    throw IoError(path,
                  std::string("cannot be read: the program crashed in it (") + ::strsignal(end.signal) +
                      "), as the HDF5 library does in damaged files",
                  copy_again);
  }
}

class FirstPass {
 public:
  explicit FirstPass(const File& file) : file_(file) {}

  void group(const std::string& path, std::size_t depth) {
    attributes(path);
    if (depth > max_depth) return;
    for (const std::string& name : ignoring_faults([&] { return children(file_, path); })) {
      if (++objects_ > max_objects) return;
      const std::string child = path == "/" ? path + name : path + "/" + name;
      if (ignoring_faults([&] { return is_group(file_, child); })) {
        group(child, depth + 1);
      } else {
        attributes(child);
        ignoring_faults([&] { return dataset(child); });
      }
    }
  }

 private:
  /// What is refused with an error will be once more, for whom it concerns. Memory is another matter.
  template <typename Read>
  auto ignoring_faults(const Read& read) -> decltype(read()) {
    try {
      return read();
    } catch (const IoError& error) {
      const std::string& fault = error.fault();
      if (fault.find("memory allocation failed") != std::string::npos ||
          fault.find("unable to allocate") != std::string::npos) {
        throw std::bad_alloc();
      }
    }
    return {};
  }

  void attributes(const std::string& object) {
    for (const std::string& name : ignoring_faults([&] { return attribute_names(file_, object); })) {
      ignoring_faults([&] { return read_attribute(file_, object, name); });
    }
  }

  bool dataset(const std::string& path) {
    const Dataset opened = open_dataset(file_, path);
    {
      const Quiet quiet;
      H5Dget_storage_size(opened.handle.id());  // goes through the index of the chunks
    }
    static_cast<void>(axis_names(opened));
    if (opened.shape.empty()) return true;
    std::size_t values = 1;
    for (const std::size_t n : opened.shape) {
      if (n > max_values / values) return true;
      values *= n;
      if (values == 0) return true;
    }
    if (values > max_values - values_) return true;
    values_ += values;
    static_cast<void>(read_rows(opened, 0, opened.shape[0]));
    return true;
  }

  const File& file_;
  std::size_t objects_ = 0, values_ = 0;
};

/// @return a closed file where HDF5 refuses it
File open_quietly(const std::string& path, Locking locking) {
  const Quiet quiet;
  const Handle access = owned(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path, "preparing to read");
  if (locking == Locking::none) checked(H5Pset_file_locking(access.id(), 0, 1), path, "preparing to read");
  return {Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose), path};
}

/// run_in_child while this thread has the lock of the library, where that was built for threads: the child inherits the
/// lock as it is, and would wait for ever for one that another thread has. The library calls back with its lock held.
ChildEnd run_in_locked_child(const std::function<int()>& work) {
  struct Call {
    const std::function<int()>& work;
    ChildEnd end = {};
  } call{.work = work};
  const auto run = [](hid_t, const char*, void* data) -> herr_t {
    auto& called = *static_cast<Call*>(data);
    called.end = run_in_child(called.work);
    return 1;  // once
  };
  int first = 0;
  const Quiet quiet;
  if (H5Piterate(H5P_FILE_ACCESS, &first, run, &call) < 0) return run_in_child(work);
  return call.end;
}

}  // namespace

bool has_signature(const std::string& path) {
  try {
    const FileDescriptor descriptor(open_descriptor(path, false));
    return true;
  } catch (const IoError&) {
    return false;
  }
}

void first_pass(const std::string& path, Locking locking) {
  const unsigned seconds = seconds_for(path);
  const ChildEnd end = run_in_locked_child([&] {
    mute_errors();
    limit_calls(seconds);
    limit_memory(max_memory);
    try {
      const File file = open_quietly(path, locking);
      if (file.handle.open()) FirstPass(file).group("/", 0);
    } catch (const std::bad_alloc&) {
      return exit_no_memory;
    } catch (const IoError&) {  // who opens it next meets the same
    }
    return 0;
  });
  check_end(end, path);
  if (end.exit_code == exit_no_memory) {
    throw IoError(path, "cannot be read: the HDF5 library wants more than 1 GB for its structure alone", copy_again);
  }
}

int read_in_child(const std::string& path, const std::function<int()>& read) {
  const unsigned seconds = seconds_for(path);
  const ChildEnd end = run_in_child([&] {
    limit_calls(seconds);
    return read();
  });
  if (!end.started) return read();
  check_end(end, path);
  if (end.signal != 0) end_by(end.signal);
  return end.exit_code;
}

}  // namespace dynvert::h5
