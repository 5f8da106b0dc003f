#include "support/sample_run.hpp"
#include "support/temporary_folder.hpp"

#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace dynvert;
using Catch::Contains;
using test::TemporaryFolder;

TEST_CASE("weights are read as NumPy shows them, and the last snapshot of a run") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  test::write_sample(path);
  const std::string group = "/models/DI_2/weights";
  const arma::mat w = read_matrix(path, group, "W1", 4, 6).value();
  // The sample writes trial + (place in C order), its last snapshot at trial 20.
  CHECK(w(0, 0) == 20);
  CHECK(w(0, 5) == 25);
  CHECK(w(1, 0) == 26);
  CHECK(w(3, 5) == 43);
  CHECK(read_vector(path, "models/DI_2/weights/", "b1", 4).value()(3) == 3);
  const arma::mat x = read_matrix(path, "/task", "x", 3, 6).value();
  CHECK(x(1, 0) == std::sin(6.0));
  CHECK_FALSE(read_matrix(path, group, "W9", 4, 6).has_value());
  CHECK_FALSE(read_matrix(path, "/", "W1", 4, 6).has_value());

  // one of its snapshots, after so many trials
  CHECK(read_matrix(path, group, "W1", 4, 6, {}, 20).value()(0, 0) == 20);
  CHECK(read_matrix(path, group, "W1", 4, 6, {}, 0).value()(0, 5) == 5);
  CHECK_THROWS_WITH(read_matrix(path, group, "W1", 4, 6, {}, 7),
                    Contains("has no snapshot after 7 trials") && Contains("one of 0 20"));
  CHECK_THROWS_WITH(read_matrix(path, "/task", "x", 3, 6, {}, 0), Contains("has no snapshots"));

  CHECK_THROWS_WITH(
      read_matrix(path, group, "B2", 4, 3, "units of layer 1 x units of layer 2"),
      Contains("run.h5:/models/DI_2/weights/B2: is 2x4x2, expected 4x3 (units of layer 1 x units of layer 2)"));
  CHECK_THROWS_WITH(read_matrix(path, "/task", "x", 6, 3), Contains("is 3x6, expected 6x3"));
  CHECK_THROWS_WITH(read_matrix(path, "/task", "order", 40, 1), Contains("is 40, expected 40x1"));
  CHECK_THROWS_WITH(read_vector(path, group, "W1", 4), Contains("is 2x4x6, expected 4"));
  CHECK_THROWS_WITH(read_matrix(path, "/models", "DI_2", 4, 4), Contains("opening failed"));
  CHECK_THROWS_WITH(read_matrix(path, "/nowhere", "W1", 4, 4), Contains("is not a group"));
  CHECK_THROWS_WITH(read_matrix(path, "/task/x", "W1", 4, 4), Contains("is not a group"));
  CHECK_THROWS_WITH(read_matrix(folder / "none.h5", "/", "W1", 4, 4), Contains("No such file"));
}

TEST_CASE("weights that are not finite, and snapshots that are none, are refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const Axis two{"i", {0, 1}, true, "1", ""}, three{"j", {0, 1, 2}, true, "1", ""};
  {
    RunFile file = RunFile::create(path, {}, {});
    file.write_once("/", {two, three}, {"A", ValueType::real, {}, "1", "", ""},
                    std::vector<double>{0, 1, 2, 3, std::numeric_limits<double>::infinity(), 5});
    file.write_once("/", {two, three}, {"K", ValueType::integer, {}, "1", "", ""},
                    std::vector<double>{0, 1, 2, 3, 4, 5});
    file.add_group(
        {"/w",
         "snapshot",
         {two, three},
         {{"snapshot", ValueType::integer, {}, "1", "", ""}, {"W1", ValueType::real, {"i", "j"}, "1", "", ""}},
         {}});
    file.finish("complete");
  }
  CHECK_THROWS_WITH(read_matrix(path, "/", "A", 2, 3), Contains("holds inf at position 4"));
  CHECK_THROWS_WITH(read_matrix(path, "/w", "W1", 2, 3), Contains("has no snapshot"));
  CHECK(read_matrix(path, "", "K", 2, 3).value()(1, 0) == 3);
}
