#include "support/experiment_text.hpp"
#include "support/run_program.hpp"
#include "support/sample_run.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/record/run_reader.hpp>
#include <dynvert/sim/tasks/sample_file.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <catch2/catch.hpp>

#include <hdf5.h>

#include <array>
#include <functional>
#include <iterator>
#include <set>

using namespace dynvert;
using Catch::Contains;
using test::contents;
using test::dynvert_run;
using test::TemporaryFolder;

namespace {

/// Changes a file by the C API.
void change(const std::string& path, const std::function<void(hid_t file)>& by) {
  const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  REQUIRE(file.open());
  by(file.id());
}

void put_dataset(hid_t file, const char* path, const std::vector<hsize_t>& extent, const std::string& external = {}) {
  const h5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (!external.empty()) H5Pset_external(creation.id(), external.c_str(), 0, H5F_UNLIMITED);
  const h5::Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
  const h5::Handle dataset(
      H5Dcreate2(file, path, H5T_NATIVE_DOUBLE, space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Dclose);
  REQUIRE(dataset.open());
}

/// Puts other values in the place of the list of dimension scales of trial_error.
void replace_scales(hid_t file, hid_t type, hsize_t length, const void* values) {
  const h5::Handle dataset(H5Oopen(file, "/models/DI_2/learning/trial_error", H5P_DEFAULT), H5Oclose);
  H5Adelete(dataset.id(), "DIMENSION_LIST");
  const h5::Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
  const h5::Handle attribute(H5Acreate2(dataset.id(), "DIMENSION_LIST", type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose);
  REQUIRE(H5Awrite(attribute.id(), type, values) >= 0);
}

constexpr const char* learning = "/models/DI_2/learning/";

}  // namespace

TEST_CASE("links and values in other files are not followed, and nothing is written there") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5", other = folder / "other.h5", raw = folder / "raw";
  test::write_sample(path);
  test::write_sample(other);
  test::write(folder, "raw", std::string(400, 'x'));
  const std::string before = contents(other);
  change(path, [&](hid_t file) {
    H5Ldelete(file, "/models/DI_2/learning/trial_error", H5P_DEFAULT);
    put_dataset(file, "/models/DI_2/learning/trial_error", {40}, raw);
    H5Lcreate_external(other.c_str(), "/task", file, "/elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/elsewhere/x", file, "/around", H5P_DEFAULT, H5P_DEFAULT);
  });
  const h5::File file = h5::open_file(path);
  CHECK_THROWS_WITH(h5::has(file, "/elsewhere/x"), Contains("/elsewhere: is a link to another file"));
  CHECK_FALSE(h5::has(file, "/around"));
  CHECK_THROWS_WITH(h5::open_dataset(file, std::string(learning) + "trial_error"),
                    Contains("keeps its values in another file"));
  CHECK_THROWS_WITH(read_samples({.path = path, .group = "/elsewhere", .name = "x", .key = "x"}, 3, 6, "inputs"),
                    Contains("link to another file"));
  CHECK_THROWS_WITH(read_matrix(path, "/models/DI_2/learning", "trial_error", 40, 1), Contains("another file"));
  CHECK(dynvert_run({"recover", path}).code == exit_io);
  CHECK(contents(other) == before);
  CHECK(contents(raw) == std::string(400, 'x'));
}

TEST_CASE("groups that lead in a circle end with a message") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  test::write_sample(path);
  change(path, [&](hid_t file) {
    H5Lcreate_hard(file, "/models", file, "/models/DI_2/learning/circle", H5P_DEFAULT, H5P_DEFAULT);
  });
  const auto recovered = dynvert_run({"recover", path});
  CHECK(recovered.code == exit_io);
  CHECK_THAT(recovered.err, Contains("/models: has links, or more than one name"));
  CHECK(dynvert_run({"export", path, "-o", folder / "run.mat"}).code == exit_io);
  CHECK(dynvert_run({"inspect", path}).code == exit_io);
}

TEST_CASE("no memory is taken, and no time spent, for sizes that a file only declares") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  test::write_sample(path);
  change(path, [&](hid_t file) {
    put_dataset(file, "/x", {hsize_t{1} << 40, 3});
    put_dataset(file, "/overflow", {hsize_t{1} << 33, hsize_t{1} << 33});
    put_dataset(file, "/none", {0, hsize_t{1} << 40});
    put_dataset(file, "/empty_rows", {hsize_t{1} << 40, 0});
    H5Ldelete(file, "/models/DI_2/learning/trial_error", H5P_DEFAULT);
    put_dataset(file, "/models/DI_2/learning/trial_error", {hsize_t{1} << 40});
  });
  CHECK_THROWS_WITH(count_samples({.path = path, .name = "x", .key = "x"}, 6),
                    Contains("declares values that a file of this size cannot hold"));
  CHECK_THROWS_WITH(read_matrix(path, "/", "overflow", 2, 3), Contains("cannot hold"));
  CHECK(count_samples({.path = path, .name = "none", .key = "x"}, 1) == 0);
  const auto recovered = dynvert_run({"recover", path});
  CHECK(recovered.code == exit_io);
  CHECK_THAT(recovered.err, Contains("trial_error: declares values"));
}

TEST_CASE("an attribute that is no list of dimension scales is not read as one") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  test::write_sample(path);
  // HDF5 would read 800 bytes into room for one list
  const std::array<double, 100> values{};
  change(path, [&](hid_t file) { replace_scales(file, H5T_NATIVE_DOUBLE, values.size(), values.data()); });
  const RunReader file(path);
  CHECK_THROWS_WITH(static_cast<void>(file.axes(std::string(learning) + "trial_error")),
                    Contains("@DIMENSION_LIST: does not hold one list of dimension scales for each axis"));
  CHECK(dynvert_run({"export", path, "-o", folder / "run.csv", "--model", "DI_2"}).code == exit_io);
}

TEST_CASE("a list of dimension scales that names a group is refused, and nothing stays open") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  test::write_sample(path);
  change(path, [&](hid_t file) {
    const h5::Handle type(H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose);
    hobj_ref_t group = 0;
    REQUIRE(H5Rcreate(&group, file, "/models", H5R_OBJECT, -1) >= 0);
    const hvl_t list{1, &group};
    replace_scales(file, type.id(), 1, &list);
  });
  const auto open = [] { return H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL); };
  const auto before = open();
  {
    const RunReader file(path);
    CHECK_THROWS_WITH(static_cast<void>(file.axes(std::string(learning) + "trial_error")),
                      Contains("@DIMENSION_LIST: refers to something that is not a dimension scale"));
  }
  CHECK(open() == before);
}

TEST_CASE("texts with characters of several bytes are exported whole") {
  // the sample's title has one; that no byte behind a text is read is for the address sanitizer to see
  const TemporaryFolder folder;
  test::write_sample(folder / "run.h5");
  CHECK(dynvert_run({"export", folder / "run.h5", "-o", folder / "run.mat"}).code == exit_done);
  CHECK_THAT(contents(folder / "run.mat"), Contains("a sample: Übung "));
}

TEST_CASE("nothing is written but what was asked for") {
  const TemporaryFolder in, out;
  const auto names = [](const std::filesystem::path& folder) {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) found.insert(entry.path().filename());
    return found;
  };
  const auto here = names(std::filesystem::current_path());
  const std::string config = test::write(in, "c.toml",
                                         test::learning_text({.trials = 3, .samples = 4, .layers = "3, 2, 2"}) +
                                             "[record]\ntrials = [0]\n" + test::backprop_text());
  const std::string run = out / "run.h5";
  CHECK(dynvert_run({"check", config}).code == exit_done);
  CHECK(dynvert_run({"simulate", config, "-o", run, "--quiet", "--set", "learning.rate=-1"}).code == exit_usage);
  CHECK(dynvert_run({"export", config, "-o", out / "run.mat"}).code == exit_io);
  CHECK(names(out.path()).empty());
  CHECK(dynvert_run({"simulate", config, "-o", run, "--quiet"}).code == exit_done);
  CHECK(dynvert_run({"simulate", config, "-o", run, "--quiet", "--resume"}).code == exit_done);
  CHECK(dynvert_run({"inspect", run, "--model", "BP"}).code == exit_done);
  CHECK(dynvert_run({"recover", run}).code == exit_done);
  CHECK(dynvert_run({"export", run, "-o", out / "run.mat"}).code == exit_done);
  CHECK(dynvert_run({"export", run, "-o", out / "run.csv", "--model", "BP"}).code == exit_done);
  CHECK(names(in.path()) == std::set<std::string>{"c.toml"});
  CHECK(names(out.path()) == std::set<std::string>{"run.csv", "run.h5", "run.mat"});
  CHECK(names(std::filesystem::current_path()) == here);
}
