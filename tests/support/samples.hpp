#pragma once

#include <dynvert/sim/tasks/dataset.hpp>

#include <armadillo>

#include <numeric>
#include <vector>

namespace dynvert::test {

/// All samples of a table, a column each.
inline arma::mat all(const SampleTable& table) {
  std::vector<std::size_t> samples(table.samples());
  std::iota(samples.begin(), samples.end(), std::size_t{0});
  arma::mat values;
  table.gather(samples, values);
  return values;
}

}  // namespace dynvert::test
