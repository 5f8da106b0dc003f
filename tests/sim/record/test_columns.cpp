#include <dynvert/sim/record/columns.hpp>

#include <catch2/catch.hpp>

using namespace dynvert;

TEST_CASE("a table's rows are filled by the functions that were added with its datasets") {
  struct Row {
    int number;
    std::vector<double> values;
  };
  Table<Row> table("/models/DI/table", "trial");
  table.add_axis({.name = "unit", .values = {0, 1}});
  table.add_number({.name = "trial", .type = ValueType::integer},
                   [](const Row& row) { return static_cast<double>(row.number); });
  table.add({.name = "x", .axes = {"unit"}}, [](const Row& row, std::vector<double>& values) {
    values.insert(values.end(), row.values.begin(), row.values.end());
  });
  CHECK_FALSE(table.empty());
  CHECK(table.has_axis("unit"));
  CHECK_FALSE(table.has_axis("time"));
  CHECK(table.spec().path == "/models/DI/table");
  CHECK(table.spec().row_dimension == "trial");
  CHECK(values_in_row(table.spec()) == 3);

  Rows rows(table.spec());
  table.append({.number = 4, .values = {1, 2}}, rows);
  table.append({.number = 7, .values = {3, 4}}, rows);
  CHECK(rows.count == 2);
  CHECK(rows.values == std::vector<std::vector<double>>{{4, 7}, {1, 2, 3, 4}});
  CHECK(Table<Row>().empty());
}
