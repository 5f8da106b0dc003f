#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/platform/transactional_file.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

using namespace dynvert;

TEST_CASE("a staged file reads as written, and its committed part changes only at commit") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "a";
  CHECK(rc::check("against a string", [&] {
    TransactionalFile file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    std::string now, committed;
    const auto on_disk = [&] { return test::contents(path); };
    for (int step = 0; step < 30; ++step) {
      switch (*rc::gen::inRange(0, 6)) {
        case 0:
          file.commit();
          committed = now;
          RC_ASSERT(on_disk() == committed);
          break;
        case 1:
          now.resize(*rc::gen::inRange<std::size_t>(0, now.size() + 3000));
          // What was cut off must read as 0 again, and HDF5 does not ask for that: it writes before it reads.
          file.resize(now.size());
          file.write(0, now.data(), now.size());
          break;
        default: {
          const auto address = *rc::gen::inRange<std::size_t>(0, 30000);
          const std::string bytes(*rc::gen::inRange<std::size_t>(0, 9000), *rc::gen::arbitrary<char>());
          if (bytes.empty()) break;
          if (address > now.size()) {  // no holes: they read as whatever a cut left there
            const std::string gap(address - now.size(), '\0');
            file.write(now.size(), gap.data(), gap.size());
            now += gap;
          }
          file.write(address, bytes.data(), bytes.size());
          now.resize(std::max(now.size(), address + bytes.size()));
          now.replace(address, bytes.size(), bytes);
        }
      }
      std::string all(now.size(), '?');
      RC_ASSERT(file.size() == now.size());
      RC_ASSERT(file.read(0, all.data(), all.size()));
      RC_ASSERT(all == now);
      RC_ASSERT(on_disk().substr(0, committed.size()) == committed);
    }
    RC_ASSERT(file.error() == 0);
  }));
}

TEST_CASE("room that a staged file asked for ahead of writing is given back") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "a";
  const std::string piece(100'000, 'x');
  TransactionalFile file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const auto status = [&] {
    struct stat s {};
    REQUIRE(::stat(path.c_str(), &s) == 0);
    return s;
  };
  std::uint64_t written = 0;
  for (int commit = 0; commit < 2; ++commit) {
    for (int i = 0; i < 50; ++i, written += piece.size()) file.write(written, piece.data(), piece.size());
    CHECK(static_cast<std::uint64_t>(status().st_size) == written);
    file.commit();
  }
  file.close();
  CHECK(file.error() == 0);
  CHECK(static_cast<std::uint64_t>(status().st_size) == written);
  // blocks of 512 bytes; whole pages, and what a file system needs for itself
  CHECK(static_cast<std::uint64_t>(status().st_blocks) * 512 <= written + (std::uint64_t{1} << 19));
}

TEST_CASE("a staged file that cannot be written keeps the reason and takes no harm") {
  TransactionalFile file(::open("/dev/full", O_RDWR | O_CLOEXEC));
  file.write(0, "abc", 3);
  CHECK(file.error() == ENOSPC);
  file.write(3, "abc", 3);
  CHECK(file.size() == 6);
  file.commit();
  file.close();
  file.close();
  CHECK(file.error() == ENOSPC);
}
