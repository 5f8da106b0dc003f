#include <dynvert/sim/platform/commit_journal.hpp>
#include <dynvert/sim/platform/file_descriptor.hpp>

#include <sys/stat.h>

#include <boost/crc.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>

namespace dynvert {
namespace {

struct Trailer {
  char magic[8];
  std::uint64_t pages;
  std::uint64_t file_size;
  std::uint64_t checksum;  // of the pages, their numbers, and the two fields above
};
static_assert(sizeof(Trailer) == 32);

constexpr char magic[8] = {'d', 'y', 'n', 'v', 'e', 'r', 't', '\n'};

/// Pages that are written or read at a time.
constexpr std::size_t pages_at_once = 64;

class Checksum {
 public:
  void add(const void* bytes, std::size_t size) { crc_.process_bytes(bytes, size); }
  [[nodiscard]] std::uint64_t of(const Trailer& trailer) {
    add(&trailer.pages, sizeof trailer.pages);
    add(&trailer.file_size, sizeof trailer.file_size);
    return crc_.checksum();
  }

 private:
  boost::crc_32_type crc_;
};

struct Journal {
  std::uint64_t address;
  std::uint64_t file_size;
  std::vector<std::uint64_t> numbers;
};

std::optional<Journal> find_journal(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || status.st_size < static_cast<off_t>(sizeof(Trailer))) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Trailer trailer{};
  if (read_range(descriptor, size - sizeof trailer, reinterpret_cast<char*>(&trailer), sizeof trailer) != 0 ||
      !std::equal(std::begin(magic), std::end(magic), trailer.magic)) {
    return std::nullopt;
  }
  // hostile numbers: no product before the quotient is known to be in range
  if (trailer.pages == 0 || trailer.pages > size / page_size || journal_size(trailer.pages) > size) return std::nullopt;
  Journal journal{.address = size - journal_size(trailer.pages), .file_size = trailer.file_size, .numbers = {}};
  if (journal.file_size > journal.address) return std::nullopt;
  Checksum checksum;
  std::vector<char> buffer(pages_at_once * page_size);
  for (std::uint64_t k = 0; k < trailer.pages; k += pages_at_once) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(pages_at_once, trailer.pages - k)) * page_size;
    if (read_range(descriptor, journal.address + k * page_size, buffer.data(), bytes) != 0) return std::nullopt;
    checksum.add(buffer.data(), bytes);
  }
  journal.numbers.resize(static_cast<std::size_t>(trailer.pages));
  const std::size_t bytes = journal.numbers.size() * sizeof(std::uint64_t);
  if (read_range(descriptor, journal.address + trailer.pages * page_size,
                 reinterpret_cast<char*>(journal.numbers.data()), bytes) != 0) {
    return std::nullopt;
  }
  checksum.add(journal.numbers.data(), bytes);
  if (checksum.of(trailer) != trailer.checksum) return std::nullopt;
  // no page may lie in the journal itself
  if (std::ranges::any_of(journal.numbers, [&](auto number) { return number >= journal.address / page_size; })) {
    return std::nullopt;
  }
  return journal;
}

}  // namespace

std::uint64_t journal_size(std::size_t pages) noexcept {
  return pages * (page_size + sizeof(std::uint64_t)) + sizeof(Trailer);
}

int write_journal(int descriptor, std::uint64_t address, const Pages& pages, std::uint64_t file_size) noexcept {
  try {
    Checksum checksum;
    std::vector<char> buffer;
    std::uint64_t at = address;
    const auto flush = [&] {
      checksum.add(buffer.data(), buffer.size());
      const int fault = write_range(descriptor, at, buffer.data(), buffer.size());
      at += buffer.size();
      buffer.clear();
      return fault;
    };
    buffer.reserve(pages_at_once * page_size);
    for (const auto& [number, content] : pages) {
      buffer.insert(buffer.end(), content.begin(), content.end());
      if (buffer.size() < pages_at_once * page_size) continue;
      if (const int fault = flush(); fault != 0) return fault;
    }
    for (const auto& [number, content] : pages) {
      const auto* bytes = reinterpret_cast<const char*>(&number);
      buffer.insert(buffer.end(), bytes, bytes + sizeof number);
    }
    if (const int fault = flush(); fault != 0) return fault;
    Trailer trailer{.magic = {}, .pages = pages.size(), .file_size = file_size, .checksum = 0};
    std::copy(std::begin(magic), std::end(magic), trailer.magic);
    trailer.checksum = checksum.of(trailer);
    if (const int fault = set_length(descriptor, at); fault != 0) return fault;
    return write_range(descriptor, at, reinterpret_cast<const char*>(&trailer), sizeof trailer);
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

int write_pages(int descriptor, const Pages& pages) noexcept {
  // From the end: in HDF5 files what refers to something mostly stands before it, and the root before all.
  // NOLINTNEXTLINE(modernize-loop-convert): Clang 14 does not take libstdc++ 12's reverse_view
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) {
    const int fault = write_range(descriptor, page->first * page_size, page->second.data(), page->second.size());
    if (fault != 0) return fault;
  }
  return 0;
}

bool has_journal(int descriptor) { return find_journal(descriptor).has_value(); }

int finish_journal(int descriptor) {
  const auto journal = find_journal(descriptor);
  if (!journal) return 0;
  std::vector<char> content(page_size);
  for (std::size_t k = 0; k < journal->numbers.size(); ++k) {
    int fault = read_range(descriptor, journal->address + k * page_size, content.data(), page_size);
    if (fault == 0) fault = write_range(descriptor, journal->numbers[k] * page_size, content.data(), page_size);
    if (fault != 0) return fault;
  }
  if (const int fault = wait_for_disk(descriptor); fault != 0) return fault;
  if (const int fault = set_length(descriptor, journal->file_size); fault != 0) return fault;
  return wait_for_disk(descriptor);
}

}  // namespace dynvert
