#pragma once

#include <dynvert/sim/platform/commit_journal.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynvert {

/// A file whose contents change only at commit: until then, writes within what was last committed are held in memory,
/// and writes past its end go to the disk at once, where nothing refers to them yet. A process that dies between two
/// commits therefore leaves the file as the last one left it; one that dies within a commit leaves the old file, or a
/// journal from which the commit can be finished (sim/platform/commit_journal.hpp).
///
/// A write that the system refuses (a full disk) is kept as `error`; nothing is written after it, and in the end the
/// file is cut to what was committed. No method throws.
class TransactionalFile {
 public:
  /// @param descriptor  a file without a journal, open for reading and writing; what it holds counts as committed. This
  ///                    object closes it
  /// @param durable     commits wait for the disk, so that the file also outlives a machine that stops
  explicit TransactionalFile(int descriptor, bool durable = false) noexcept;
  /// Closes, and drops what was not committed.
  ~TransactionalFile();
  TransactionalFile(const TransactionalFile&) = delete;
  TransactionalFile& operator=(const TransactionalFile&) = delete;

  /// errno of the first thing that failed; 0: none
  [[nodiscard]] int error() const noexcept { return error_; }

  /// Bytes up to the end of the last write, or as set by resize.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  void resize(std::uint64_t size) noexcept { size_ = size; }

  void write(std::uint64_t address, const char* from, std::size_t size) noexcept;

  /// Reads what was written, committed or not; bytes that never were are 0. @return whether the system could read
  [[nodiscard]] bool read(std::uint64_t address, char* to, std::size_t size) const noexcept;

  /// Says that nobody needs the committed contents of a range: until the next commit it may change at once.
  void release(std::uint64_t address, std::uint64_t size) noexcept;

  /// Bytes held in memory.
  [[nodiscard]] std::size_t held() const noexcept { return held_.size() * page_size; }

  /// Makes the file on disk equal to what was written. Room for all of it is asked for first, so that a full disk shows
  /// while the old contents still stand.
  void commit() noexcept;

  /// Waits until the disk has everything that was committed, and closes.
  void close() noexcept;

 private:
  void hold(std::uint64_t address, const char* from, std::size_t size);
  void put(std::uint64_t address, const char* from, std::size_t size) noexcept;
  void reserve(std::uint64_t size) noexcept;
  void ask_ahead(std::uint64_t size) noexcept;
  void drop() noexcept;
  void note(int error) noexcept {
    if (error_ == 0) error_ = error;
  }

  int descriptor_;
  bool durable_;
  int error_ = 0;
  bool torn_ = false;  // the system refused a write within a commit: the journal has to stay
  std::uint64_t size_ = 0;
  std::uint64_t on_disk_ = 0;  // bytes that the disk has room for
  std::uint64_t ahead_ = 0;    // bytes that it was asked to have room for ahead of writing
  std::uint64_t committed_size_ = 0;
  std::uint64_t committed_ = 0;  // whole pages of it
  Pages held_;
  struct Range {
    std::uint64_t first, end;
  };
  std::vector<Range> released_;  // whole pages
};

}  // namespace dynvert
