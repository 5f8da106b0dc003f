#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <catch2/catch.hpp>

#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>

using namespace dynvert;
using Catch::Contains;
using test::contents;
using test::TemporaryFolder;
using test::write_text;
namespace fs = std::filesystem;

namespace {

/// A file made with the C API alone, as other programs make them, with the given Conventions.
class ForeignFile {
 public:
  ForeignFile(const std::string& path, const std::string& conventions)
      : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, conventions.size() + 1);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(id_, "Conventions", type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, conventions.c_str());
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
  }
  ~ForeignFile() { H5Fclose(id_); }
  ForeignFile(const ForeignFile&) = delete;
  ForeignFile& operator=(const ForeignFile&) = delete;

  [[nodiscard]] hid_t id() const { return id_; }

  void dataset(const char* name, hid_t type, const std::vector<hsize_t>& extent, bool chunked = false) const {
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (chunked) {
      const std::vector<hsize_t> chunk(extent.size(), 1);
      H5Pset_chunk(list, static_cast<int>(chunk.size()), chunk.data());
    }
    const hid_t space = H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr);
    H5Dclose(H5Dcreate2(id_, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(list);
  }

 private:
  hid_t id_;
};

int printed = 0;

}  // namespace

TEST_CASE("files that are no dynvert file are refused with one clear message") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.h5";
  CHECK_THROWS_WITH(RunReader(path), Contains("No such file") && Contains("a.h5"));
  CHECK_THROWS_WITH(RunReader(folder.path().string()), Contains("is a folder"));
  CHECK_THROWS_WITH(RunReader("/dev/null"), Contains("is not a regular file"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(RunReader(folder / "pipe"), Contains("is not a regular file"));

  write_text(path, "");
  CHECK_THROWS_WITH(RunReader(path), Contains("is empty, not an HDF5 file"));
  write_text(path, "a line of text\n");
  CHECK_THROWS_WITH(RunReader(path), Contains("is not an HDF5 file"));
  write_text(path, std::string(100'000, '\0'));
  CHECK_THROWS_WITH(RunReader(path), Contains("is not an HDF5 file"));
  write_text(path, "\x89HDF\r\n\x1a\n");
  CHECK_THROWS_AS(RunReader(path), IoError);
  write_text(path, "\x89HDF\r\n\x1a\n" + std::string(4000, '\xff'));
  CHECK_THROWS_AS(RunReader(path), IoError);

  { const ForeignFile other(path, "CF-1.8"); }
  CHECK_THROWS_WITH(RunReader(path), Contains("was not written by dynvert") && Contains("CF-1.8"));
  { const ForeignFile other(path, "dynvert-2"); }
  CHECK_THROWS_WITH(RunReader(path), Contains("dynvert-2") && Contains("version of dynvert"));
  H5Fclose(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  CHECK_THROWS_WITH(RunReader(path), Contains("Conventions is missing"));
}

TEST_CASE("a truncated file is refused, whatever its length") {
  const TemporaryFolder folder;
  test::write_sample(folder / "whole.h5");
  const std::string whole = contents(folder / "whole.h5");
  for (std::size_t length = 0; length < whole.size(); length += length < 200 ? 1 : 997) {
    write_text(folder / "part.h5", whole.substr(0, length));
    CAPTURE(length);
    CHECK_THROWS_AS(RunReader(folder / "part.h5"), IoError);
  }
  write_text(folder / "part.h5", whole.substr(0, whole.size() - 1));
  CHECK_THROWS_WITH(RunReader(folder / "part.h5"), Contains("is truncated"));
}

TEST_CASE("strange content is refused where it is read, and memory is not asked for in vain") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.h5";
  {
    const ForeignFile file(path, "dynvert-1");
    const hsize_t huge = hsize_t{1} << 60;
    file.dataset("huge", H5T_NATIVE_DOUBLE, {huge}, true);
    file.dataset("product", H5T_NATIVE_DOUBLE, {1, hsize_t{1} << 31, hsize_t{1} << 31}, true);
    const hid_t text = H5Tcopy(H5T_C_S1);
    file.dataset("text", text, {3});
    H5Tclose(text);
    const hid_t pair = H5Tcreate(H5T_COMPOUND, 16);
    H5Tinsert(pair, "a", 0, H5T_NATIVE_DOUBLE);
    H5Tinsert(pair, "b", 8, H5T_NATIVE_INT64);
    file.dataset("pair", pair, {3});
    const hid_t space = H5Screate(H5S_SCALAR);
    H5Aclose(H5Acreate2(file.id(), "pair", pair, space, H5P_DEFAULT, H5P_DEFAULT));
    H5Tcommit2(file.id(), "type", pair, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(pair);
    H5Dclose(H5Dcreate2(file.id(), "single", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    const hid_t null = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(file.id(), "nothing", H5T_NATIVE_DOUBLE, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(null);
    file.dataset("none", H5T_NATIVE_DOUBLE, {0, 3}, true);
    file.dataset("float", H5T_NATIVE_FLOAT, {3});
    // of 16 bytes, and of more: in files that HDF5 has written these come of damage
    for (const std::size_t bytes : {std::size_t{16}, std::size_t{17}, std::size_t{64}}) {
      const hid_t wide = H5Tcopy(H5T_STD_I64LE);
      H5Tset_size(wide, bytes);
      file.dataset(("integer_" + std::to_string(bytes)).c_str(), wide, {3});
      H5Tclose(wide);
    }
    file.dataset("small", H5T_NATIVE_UCHAR, {3});
    H5Lcreate_soft("/loop", file.id(), "loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/gone", file.id(), "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("gone.h5", "/x", file.id(), "external", H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t three = 3;
    const hid_t line = H5Screate_simple(1, &three, nullptr);
    H5Aclose(H5Acreate2(file.id(), "array", H5T_NATIVE_DOUBLE, line, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(line);
    H5Gclose(H5Gcreate2(file.id(), "models", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  const RunReader reader(path);
  CHECK_THROWS_WITH(reader.column("/huge"), Contains("a file of this size cannot hold"));
  CHECK_THROWS_WITH(reader.rows("/product", 0, 1), Contains("a file of this size cannot hold"));
  CHECK_THROWS_AS(reader.rows("/float", 1, std::numeric_limits<std::size_t>::max()), ValueError);
  CHECK_THROWS_WITH(reader.column("/text"), Contains("does not hold numbers"));
  CHECK_THROWS_WITH(reader.column("/pair"), Contains("does not hold numbers"));
  CHECK(reader.column("/integer_16").size() == 3);
  CHECK_THROWS_WITH(reader.column("/integer_17"), Contains("does not hold numbers"));
  CHECK_THROWS_WITH(reader.column("/integer_64"), Contains("does not hold numbers"));
  CHECK_THROWS_AS(reader.column("/type"), IoError);
  CHECK_THROWS_AS(reader.column("/single"), IoError);
  CHECK_THROWS_AS(reader.rows("/single", 0, 1), IoError);
  CHECK_THROWS_WITH(reader.shape("/nothing"), Contains("is empty"));
  CHECK(reader.rows("/none", 0, 0).values.empty());
  CHECK(reader.column("/float").size() == 3);
  CHECK(reader.column("/small").size() == 3);
  for (const std::string link : {"/loop", "/dangling"}) {
    CHECK_FALSE(reader.has(link));
    CHECK_THROWS_WITH(reader.column(link), Contains("is not in the file"));
  }
  CHECK_THROWS_WITH(reader.column("/external"), Contains("is a link to another file, which is not followed"));
  CHECK_FALSE(reader.attribute("/", "array").has_value());
  CHECK_FALSE(reader.attribute("/", "pair").has_value());
  CHECK(reader.attributes("/").size() == 1);
  CHECK(reader.models().empty());
  CHECK_THROWS_WITH(reader.children("/"), Contains("has links"));
}

TEST_CASE("the program's own setting of HDF5's error printing stays, and nothing is printed by dynvert's calls") {
  const TemporaryFolder folder;
  H5E_auto2_t before = nullptr;
  void* before_data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &before, &before_data);
  const auto count = [](hid_t, void*) -> herr_t {
    ++printed;
    return 0;
  };
  H5Eset_auto2(H5E_DEFAULT, count, nullptr);
  printed = 0;
  write_text(folder / "a.h5", "\x89HDF\r\n\x1a\n" + std::string(4000, '\xff'));
  CHECK_THROWS_AS(RunReader(folder / "a.h5"), IoError);
  test::write_sample(folder / "b.h5");
  CHECK_THROWS_AS(RunReader(folder / "b.h5").column("/models"), IoError);
  CHECK(printed == 0);
  CHECK(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT) < 0);
  CHECK(printed == 1);
  H5Eset_auto2(H5E_DEFAULT, before, before_data);
}

TEST_CASE("a handle closes once, and can be moved") {
  const TemporaryFolder folder;
  const auto open_objects = [] { return H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL); };
  const auto before = open_objects();
  test::write_sample(folder / "a.h5");
  CHECK(open_objects() == before);
  {
    h5::File file = h5::open_file(folder / "a.h5");
    h5::Handle moved = std::move(file.handle);
    CHECK(moved.open());
    CHECK_FALSE(file.handle.open());
    moved = h5::Handle();
    CHECK(open_objects() == before);
    CHECK_THROWS_AS(h5::open_dataset(file, "/task/x"), IoError);
  }
  CHECK(open_objects() == before);
}
