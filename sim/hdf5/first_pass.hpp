#pragma once

/// Files from elsewhere. HDF5 1.10 crashes on some damaged files, never returns from others, or takes all the memory
/// there is. A file is therefore read for the first time in a child process, whose end is an error with a message.
/// Files that this process has just written need none of this.

#include <functional>
#include <string>

namespace dynvert::h5 {

/// Whether a path leads to a file with the signature of HDF5.
[[nodiscard]] bool has_signature(const std::string& path);

enum class Locking { as_set, none };

/// Reads every name, attribute, shape and index of an HDF5 file, and the values of small datasets, in a child process
/// with limited time and memory. A file that HDF5 refuses, or that is none, is left to who opens it next.
/// @param locking  none: takes no lock, which the child could keep for longer than this process lives
/// @throws IoError  the library did not survive it
void first_pass(const std::string& path, Locking locking = Locking::as_set);

/// Does the whole of `read`, which reads the file, in a child process, and returns its exit code. A child that somebody
/// ended ends this process likewise.
/// @param read  flushes what it prints
/// @throws IoError  it crashed, or one call of the library took longer than any that returns
[[nodiscard]] int read_in_child(const std::string& path, const std::function<int()>& read);

}  // namespace dynvert::h5
