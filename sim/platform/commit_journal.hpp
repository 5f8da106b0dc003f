#pragma once

/// The journal of a commit: the pages that are about to change, written behind the end of the file before the first of
/// them changes in place. A process, or with waiting for the disk a machine, that stops in between leaves either the
/// old file (and behind it bytes that nothing refers to) or a whole journal, from which the commit can be finished.
///
///     [contents of the pages] [their numbers, 8 bytes each] [trailer: magic, number of pages, size of the file,
///     CRC-32]
///
/// The trailer is the end of the file; a file whose end is no trailer with the right checksum has no journal.

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dynvert {

inline constexpr std::size_t page_size = 4096;

/// Contents of pages by their numbers.
using Pages = std::map<std::uint64_t, std::vector<char>>;

/// Bytes that the journal of so many pages takes.
[[nodiscard]] std::uint64_t journal_size(std::size_t pages) noexcept;

/// Writes a journal at `address`, behind everything that the file holds; the file ends with it.
/// @param file_size  the size that the file has after the commit
/// @return 0, or errno
[[nodiscard]] int write_journal(int descriptor, std::uint64_t address, const Pages& pages,
                                std::uint64_t file_size) noexcept;

/// Writes the pages in their places. @return 0, or errno
[[nodiscard]] int write_pages(int descriptor, const Pages& pages) noexcept;

/// Whether a commit was cut short and can be finished. @throws std::bad_alloc
[[nodiscard]] bool has_journal(int descriptor);

/// Finishes that commit; the file is then as the commit was to leave it. A file without a journal stays as it is.
/// @return 0, or errno
[[nodiscard]] int finish_journal(int descriptor);

}  // namespace dynvert
