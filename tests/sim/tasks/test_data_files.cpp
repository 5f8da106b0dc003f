// Readers of samples: what is right is read to the last bit, what is wrong gets a message and no memory.

#include "support/samples.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/platform/checksum.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/tasks/idx.hpp>
#include <dynvert/sim/tasks/sample_file.hpp>

#include <hdf5.h>
#include <rapidcheck.h>
#include <zlib.h>
#include <bit>
#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace dynvert;
using Catch::Matchers::Contains;
using namespace dynvert::test;

namespace {

void append_big_endian(std::string& to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i) to.push_back(static_cast<char>(value >> (8 * (i - 1)) & 0xFF));
}

std::string idx_bytes(int type, const std::vector<std::uint32_t>& shape, const std::string& values) {
  std::string bytes(2, '\0');
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(shape.size()));
  for (const std::uint32_t n : shape) append_big_endian(bytes, n, 4);
  return bytes + values;
}

std::string write_gzip(const std::string& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(gzclose(file) == Z_OK);
  return path;
}

/// A dataset that the key of its name reads.
SamplePlace in(const std::string& path, const std::string& group, const std::string& name) {
  return {.path = path, .group = group, .name = name, .key = name};
}

const std::string six("\x00\x01\x02\xFD\xFE\xFF", 6);

}  // namespace

TEST_CASE("IDX bytes are read plain and packed, whole or in part") {
  const TemporaryFolder folder;
  const std::string bytes = idx_bytes(0x08, {3, 1, 2}, six);
  for (const std::string& path : {write_text(folder / "a-idx3-ubyte", bytes), write_gzip(folder / "a.gz", bytes)}) {
    const SampleTable table = read_idx(path, 0);
    CHECK(table.are_bytes());
    CHECK(table.units() == 2);
    CHECK(table.samples() == 3);
    CHECK(arma::approx_equal(all(table), arma::mat{{0, 2, 254}, {1, 253, 255}}, "absdiff", 0));
    CHECK(all(read_idx(path, 2)).n_cols == 2);
    CHECK(read_idx_header(path).shape == std::vector<std::size_t>{3, 1, 2});
    CHECK_THROWS_WITH(read_idx(path, 4), Contains("holds 3 samples, but 4 were requested"));
  }
  // several packed parts are one file for gzip
  const std::string parts = folder / "parts.gz";
  write_gzip(parts, bytes.substr(0, 7));
  const std::string first = contents(parts);
  write_gzip(parts, bytes.substr(7));
  write_text(parts, first + contents(parts));
  CHECK(all(read_idx(parts, 0)).n_cols == 3);
}

TEST_CASE("IDX values of every type") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.idx";
  const auto value = [&](int type, std::uint64_t raw, std::size_t size) {
    std::string values;
    append_big_endian(values, raw, size);
    return all(read_idx(write_text(path, idx_bytes(type, {1}, values)), 0))(0, 0);
  };
  CHECK(value(0x08, 200, 1) == 200);
  CHECK(value(0x09, 200, 1) == -56);
  CHECK(value(0x0B, 0xFFFE, 2) == -2);
  CHECK(value(0x0C, 0x80000000, 4) == -2147483648.0);
  CHECK(value(0x0D, std::bit_cast<std::uint32_t>(-1.5F), 4) == -1.5);
  CHECK(value(0x0E, std::bit_cast<std::uint64_t>(0.1), 8) == 0.1);
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(value(0x0E, std::bit_cast<std::uint64_t>(inf), 8), Contains("expected finite values"));
}

TEST_CASE("IDX files that are not what they should be") {
  const TemporaryFolder folder;
  const auto fault = [&](const std::string& bytes) {
    try {
      static_cast<void>(read_idx(write_text(folder / "bad", bytes), 0));
    } catch (const IoError& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  CHECK_THAT(fault(""), Contains("is too short"));
  CHECK_THAT(fault("PNG1..."), Contains("is not an IDX file: it begins with 50 4e 47 31"));
  CHECK_THAT(fault(idx_bytes(0x0A, {1}, "x")), Contains("is not an IDX file"));
  CHECK_THAT(fault(idx_bytes(0x08, {}, "x")), Contains("has 0 dimensions"));
  CHECK_THAT(fault(idx_bytes(0x08, {1, 1, 1, 1, 1}, "x")), Contains("has 5 dimensions"));
  CHECK_THAT(fault(idx_bytes(0x08, {3, 2}, "").substr(0, 9)), Contains("ends within its header"));
  CHECK_THAT(fault(idx_bytes(0x08, {3, 0}, "")), Contains("one of its dimensions is 0"));
  // products that overflow, and lengths that no memory has: said without taking any
  CHECK_THAT(fault(idx_bytes(0x0E, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, six)), Contains("beyond 8 GiB"));
  CHECK_THAT(fault(idx_bytes(0x08, {0xFFFFFFFF}, six)), Contains("holds 6 bytes of values, but its header says 42949"));
  CHECK_THAT(fault(idx_bytes(0x08, {3, 2}, six.substr(1))), Contains("holds 5 bytes of values, but its header says 6"));
  CHECK_THAT(fault(idx_bytes(0x08, {3, 2}, six + "x")), Contains("holds more than 6 bytes of values"));

  const std::string packed = contents(write_gzip(folder / "a.gz", idx_bytes(0x08, {3, 2}, six)));
  CHECK_THAT(fault(packed.substr(0, packed.size() - 9)), Contains("truncated"));
  CHECK_THAT(fault(packed.substr(0, packed.size() - 1)), Contains("truncated"));
  std::string damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  CHECK_THAT(fault(damaged), Contains("cannot be read"));

  CHECK_THROWS_WITH(read_idx(folder / "none", 0), Contains("No such file"));
  CHECK_THROWS_WITH(read_idx(folder.path().string(), 0), Contains("is a folder"));
}

TEST_CASE("no bytes whatsoever do more to the IDX reader than an error") {
  const TemporaryFolder folder;
  const std::string path = folder / "any";
  CHECK(rc::check([&](std::string bytes) {
    // half of them get past the magic number
    if (bytes.size() > 4 && bytes.size() % 2 == 0) bytes.replace(0, 4, std::string("\0\0\x08\x01", 4));
    write_text(path, bytes);
    try {
      const SampleTable table = read_idx(path, 0);
      RC_ASSERT(table.samples() * table.units() < bytes.size());
    } catch (const IoError&) {
    }
  }));
}

TEST_CASE("IDX labels are classes") {
  const TemporaryFolder folder;
  const std::string path = write_text(folder / "labels", idx_bytes(0x08, {4}, std::string("\0\2\1\2", 4)));
  const SampleTable table = read_idx_labels(path, 0, 3);
  CHECK(std::vector<std::uint32_t>(table.class_numbers().begin(), table.class_numbers().end()) ==
        std::vector<std::uint32_t>{0, 2, 1, 2});
  CHECK(arma::approx_equal(all(table), arma::mat{{1, 0, 0, 0}, {0, 0, 1, 0}, {0, 1, 0, 1}}, "absdiff", 0));
  CHECK_THROWS_WITH(read_idx_labels(path, 0, 2), Contains("holds the label 2 of sample 1, but the network has 2"));
  const std::string pairs = write_text(folder / "pairs", idx_bytes(0x08, {2, 2}, std::string(4, '\0')));
  CHECK_THROWS_WITH(read_idx_labels(pairs, 0, 3), Contains("one number per sample, or 3"));
  CHECK_THROWS_WITH(read_idx_labels(pairs, 0, 2), Contains("sample 0 has no class"));
  const std::string one_hot = write_text(folder / "one_hot", idx_bytes(0x08, {2, 2}, std::string("\0\1\1\0", 4)));
  CHECK(read_idx_labels(one_hot, 0, 2).class_numbers()[0] == 1);
  CHECK_THROWS_WITH(read_idx_labels(one_hot, 0, 2, 1), Contains("labels_from = 1 does not apply"));
  // whole numbers as floats, which count from 1
  std::string floats;
  for (const float label : {2.0F, 1.0F}) append_big_endian(floats, std::bit_cast<std::uint32_t>(label), 4);
  const std::string from_one = write_text(folder / "from_one", idx_bytes(0x0D, {2}, floats));
  CHECK(read_idx_labels(from_one, 0, 2, 1).class_numbers()[0] == 1);
  CHECK_THROWS_WITH(read_idx_labels(from_one, 0, 2), Contains("labels_from = 1 in [task]"));
}

TEST_CASE("tables of samples: moments, scales, columns") {
  const SampleTable bytes = SampleTable::bytes(2, {0, 255, 255, 0, 51, 51});
  const arma::mat values = all(bytes);
  const auto [mean, deviation] = bytes.moments();
  CHECK(mean == Approx(arma::mean(arma::vectorise(values))).epsilon(1e-15));
  CHECK(deviation == Approx(arma::stddev(arma::vectorise(values), 1)).epsilon(1e-15));
  const auto reals = SampleTable::reals(values);
  CHECK(reals.moments().mean == Approx(mean).epsilon(1e-15));
  CHECK(reals.moments().deviation == Approx(deviation).epsilon(1e-15));
  // the same numbers whatever they are stored as
  const arma::mat scaled = all(bytes.rescaled(mean, deviation));
  CHECK(arma::approx_equal(scaled, all(reals.rescaled(mean, deviation)), "absdiff", 0));
  arma::mat some;
  const std::vector<std::size_t> samples{2, 0};
  bytes.rescaled(0, 255).gather(samples, some);
  CHECK(arma::approx_equal(some, arma::mat{{0.2, 0}, {0.2, 1}}, "absdiff", 0));
  CHECK_THROWS_AS(SampleTable::bytes(2, {1, 2, 3}), ValueError);
  CHECK_THROWS_AS(SampleTable::classes(2, {0, 2}), ValueError);
  CHECK_THROWS_AS(SampleTable::classes(2, {0, 1}).rescaled(0, 1), ValueError);
}

TEST_CASE("samples from HDF5") {
  const TemporaryFolder folder;
  const std::string path = folder / "mine.h5";
  const Axis sample{"sample", {0, 1, 2}, true, "1", ""}, row{"row", {0, 1}, true, "1", ""},
      column{"column", {0, 1}, true, "1", ""};
  {
    RunFile file = RunFile::create(path, {}, {});
    file.write_once("/train", {sample, row, column}, {"x", ValueType::real, {}, "1", "", ""},
                    std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    file.write_once("/train", {sample}, {"t", ValueType::real, {}, "1", "", ""}, std::vector<double>{0.5, 1.5, 2});
    file.write_once("/train", {sample}, {"labels", ValueType::integer, {}, "1", "", ""}, std::vector<double>{2, 0, 1});
    file.write_once("/bad", {sample}, {"x", ValueType::real, {}, "1", "", ""},
                    std::vector<double>{0, std::numeric_limits<double>::quiet_NaN(), 2});
    file.finish("complete");
  }
  CHECK(count_samples(in(path, "/train", "x"), 4) == 3);
  const arma::mat x = all(read_samples(in(path, "/train", "x"), 2, 4, "inputs"));
  CHECK(arma::approx_equal(x, arma::mat{{0, 4}, {1, 5}, {2, 6}, {3, 7}}, "absdiff", 0));
  CHECK(all(read_samples(in(path, "/train/", "t"), 3, 1, "outputs"))(0, 2) == 2);
  const SampleTable labels = read_labels(in(path, "/train", "labels"), 3, 3, 0);
  CHECK(labels.class_numbers()[0] == 2);
  CHECK_THROWS_WITH(read_labels(in(path, "/train", "labels"), 3, 2, 0), Contains("holds the label 2 of sample 0"));
  CHECK_THROWS_WITH(read_labels(in(path, "/train", "t"), 3, 3, 0), Contains("holds the label 0.5 of sample 0"));
  CHECK_THROWS_WITH(read_samples(in(path, "/train", "x"), 3, 5, "inputs"), Contains("is 3 x 2 x 2, expected 5 values"));
  CHECK_THROWS_WITH(read_samples(in(path, "/train", "x"), 9, 4, "inputs"), Contains("holds 3 samples, but 9"));
  CHECK_THROWS_WITH(read_samples(in(path, "/bad", "x"), 3, 1, "inputs"), Contains("nan at position 0 of sample 1"));
  CHECK_THROWS_WITH(read_samples(in(path, "/bad", "t"), 3, 1, "inputs"), Contains("has no dataset t"));
  CHECK_THROWS_WITH(count_samples(in(path, "/none", "x"), 1), Contains("is not a group"));
  CHECK_THROWS_WITH(count_samples(in(folder / "none.h5", "/", "x"), 1), Contains("No such file"));

  // unsigned bytes, as images are often stored; and an extent that nobody has written
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hsize_t shape[] = {2, 3}, huge[] = {std::uint64_t{1} << 40, std::uint64_t{1} << 30};
  const std::uint8_t values[] = {0, 128, 255, 1, 2, 3};
  const hid_t space = H5Screate_simple(2, shape, nullptr), beyond = H5Screate_simple(2, huge, nullptr);
  const hid_t bytes = H5Dcreate2(file, "/bytes", H5T_STD_U8BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Dwrite(bytes, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  const hid_t chunks = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk[] = {16, 16};
  H5Pset_chunk(chunks, 2, chunk);
  const hid_t large = H5Dcreate2(file, "/large", H5T_IEEE_F64LE, beyond, H5P_DEFAULT, chunks, H5P_DEFAULT);
  REQUIRE(large >= 0);
  for (const hid_t dataset : {bytes, large}) H5Dclose(dataset);
  for (const hid_t s : {space, beyond}) H5Sclose(s);
  H5Pclose(chunks);
  REQUIRE(H5Fclose(file) >= 0);
  const SampleTable table = read_samples(in(path, "/", "bytes"), 2, 3, "inputs");
  CHECK(table.are_bytes());
  CHECK(all(table)(1, 0) == 128);
  CHECK_THROWS_WITH(read_samples(in(path, "/", "large"), 2, 3, "inputs"), Contains("a file of this size cannot hold"));
}

TEST_CASE("the checksum is that of FIPS 180-4's examples") {
  const TemporaryFolder folder;
  CHECK(file_sha256(write_text(folder / "abc", "abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(file_sha256(write_text(folder / "empty", "")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_THROWS_AS(file_sha256(folder / "none"), IoError);
}
