#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/whole_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>
#include <dynvert/sim/sweep/folder.hpp>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace dynvert {

namespace {

constexpr const char* another_folder = "another folder with -o";

int open_locked(const SweepArguments& arguments) {
  const std::string& path = arguments.output;
  if (path.empty()) throw ValueError("output", "has an empty name", "the path of a folder");
  if (!arguments.resume && ::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw IoError(path, std::string("cannot be created: ") + std::strerror(errno),
                  errno == ENOENT ? "create the folder that it is in first" : another_folder);
  }
  // Not closed in the processes of the runs: should this one be killed, the folder is free when the last of them is
  // gone.
  FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY));
  if (folder.value() < 0) {
    const int error = errno;
    if (error == ENOENT) {
      throw IoError(path, "does not exist, so there is nothing to resume", "the same without --resume");
    }
    throw IoError(path, error == ENOTDIR ? "is not a folder" : std::string("cannot be opened: ") + std::strerror(error),
                  another_folder);
  }
  // a file system that cannot lock folders does not keep a sweep from running
  if (::flock(folder.value(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw IoError(path, "is in use by another sweep", "wait until that is done, or another folder with -o");
  }
  return folder.release();
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

void remove_file(const std::string& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) throw IoError(path, "cannot be removed: " + error.message(), another_folder);
}

}  // namespace

SweepFolder::SweepFolder(const SweepArguments& arguments, const SweepPlan& plan)
    : arguments_(arguments),
      plan_(plan),
      lock_(open_locked(arguments)),
      index_((std::filesystem::path(arguments.output) / sweep_index_name).string()) {
  if (arguments.resume) {
    check_resumed();
  } else if (arguments.overwrite) {
    remove_earlier();
  } else {
    check_new();
  }
}

std::string SweepFolder::file_of(std::size_t point) const {
  return (std::filesystem::path(arguments_.output) / (plan_.table.points[point].name + ".h5")).string();
}

std::string SweepFolder::difference(Points points) const {
  std::ifstream in(index_, std::ios::binary);
  if (!in) throw IoError(index_, "cannot be opened for reading", another_folder);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  return index_difference(text, index_, plan_.table, points);
}

void SweepFolder::check_new() const {
  const auto refuse = [](const std::string& path) {
    if (!exists(path)) return;
    throw IoError(path, "exists already",
                  "another folder with -o, --resume to continue the sweep, or --overwrite to replace its runs");
  };
  refuse(index_);
  for (std::size_t p = 0; p < plan_.table.points.size(); ++p) refuse(file_of(p));
}

void SweepFolder::check_resumed() {
  if (!exists(index_)) {
    throw IoError(index_, "does not exist, so there is nothing to resume", "the same without --resume");
  }
  if (const std::string other = difference(Points::more); !other.empty()) {
    throw ValueError(
        arguments_.output, "cannot be resumed, it holds another sweep: " + other,
        "the keys, values and seeds with which the sweep was begun, to which others may be added, or another folder");
  }
  for (std::size_t p = 0; p < plan_.table.points.size(); ++p) {
    const std::string path = file_of(p);
    if (!exists(path)) continue;
    std::vector<std::string> differences;
    try {
      h5::first_pass(path);
      const RunReader file(path);
      differences = run_differences([&](const char* name) { return file.attribute("/", name); },
                                    load_point(arguments_, plan_.text, plan_.table.axes, plan_.table.points[p]));
    } catch (const IoError&) {
      continue;  // its run mends it, or says what is wrong
    }
    readable_.insert(p);
    if (differences.empty()) continue;
    throw ValueError(path, fmt::format("cannot be resumed, the numbers would differ: {}", fmt::join(differences, "; ")),
                     "the configuration and the program with which the sweep was begun, or another folder");
  }
}

void SweepFolder::remove_earlier() const {
  const bool indexed = exists(index_);
  if (indexed) {
    if (const std::string other = difference(Points::same); !other.empty()) {
      throw IoError(arguments_.output, "is not overwritten, it holds another sweep: " + other,
                    "another folder with -o, or remove it yourself");
    }
  }
  std::vector<std::string> files;
  for (std::size_t p = 0; p < plan_.table.points.size(); ++p) {
    const std::string path = file_of(p);
    if (!exists(path)) continue;
    try {
      h5::first_pass(path);
      const RunReader ours(path);
    } catch (const IoError& error) {
      throw IoError(path, "is not overwritten, because it is not a readable dynvert file (" + error.fault() + ")",
                    "another folder with -o, or remove the file yourself");
    }
    files.push_back(path);
  }
  // the index first: what it says is never of files that are gone
  if (indexed) remove_file(index_);
  for (const std::string& path : files) remove_file(path);
}

std::vector<PointState> SweepFolder::states() const {
  std::vector<PointState> states;
  for (std::size_t p = 0; p < plan_.table.points.size(); ++p) {
    // a file that check_resumed could not read is for its run to mend; others are not there, or as these processes left
    // them
    if (exists(file_of(p)) && !readable_.contains(p)) {
      states.push_back({.status = PointStatus::interrupted});
    } else {
      states.push_back(state_of(file_of(p), plan_.table.results));
      // the sweep may have been made longer
      PointState& state = states.back();
      if (state.status == PointStatus::complete && state.trials < plan_.table.trials[p]) {
        state.status = PointStatus::interrupted;
      }
    }
  }
  return states;
}

void SweepFolder::write_index(const std::vector<PointState>& states) {
  write_whole_file(index_, index_text(plan_.table, states), exists(index_), sweep_index_signature);
}

}  // namespace dynvert
