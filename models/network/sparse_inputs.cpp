#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/network/sparse_inputs.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <type_traits>

namespace dynvert {

namespace {

template <typename Real>
void run(const SparseUpdate<Real>& job) {
  if constexpr (std::is_same_v<Real, double>) {
    kernels().sparse(job);
  } else {
    kernels().sparse_single(job);
  }
}

/// The number that more than half of the entries are, if there is one; else any (Boyer and Moore's vote).
template <typename Real>
Real majority(std::span<const Real> entries) {
  Real candidate = 0;
  std::size_t votes = 0;
  for (const Real x : entries) {
    if (votes == 0) {
      candidate = x;
      votes = 1;
    } else if (x == candidate) {
      ++votes;
    } else {
      --votes;
    }
  }
  return candidate;
}

}  // namespace

template <typename Real>
bool SparseInputs<Real>::take(const arma::Mat<Real>& X) {
  // an entry takes the kernels nearly twice as long as a multiplication takes a dense product
  constexpr double most = 0.4;
  inputs_ = X.n_rows;
  samples_ = X.n_cols;
  // the first sample speaks for all: where it does not, the others have too many entries
  background_ = majority(std::span<const Real>(X.memptr(), inputs_));
  // each entry is written before it is known to be one
  by_sample_.indices.resize(X.n_elem + 1);
  by_sample_.values.resize(X.n_elem + 1);
  by_sample_.starts.clear();
  std::uint32_t count = 0;
  for (std::size_t first = 0; first < inputs_; first += sparse_block) {
    const std::size_t rows = std::min(sparse_block, inputs_ - first);
    for (std::size_t j = 0; j < samples_; ++j) {
      by_sample_.starts.push_back(count);
      const Real* x = X.colptr(j) + first;
      for (std::size_t i = 0; i < rows; ++i) {
        by_sample_.indices[count] = static_cast<std::uint32_t>(i);
        by_sample_.values[count] = x[i] - background_;
        count += static_cast<std::uint32_t>(x[i] != background_);
      }
    }
  }
  taken_ = static_cast<double>(count) <= most * static_cast<double>(X.n_elem);
  if (!taken_) return false;
  by_sample_.starts.push_back(count);
  order_by_input();
  return true;
}

template <typename Real>
void SparseInputs<Real>::order_by_input() {
  const std::size_t blocks = (samples_ + sparse_block - 1) / sparse_block;
  /// f(entry, input, sample), by samples
  const auto each_entry = [&](const auto& f) {
    std::size_t segment = 0;
    for (std::size_t first = 0; first < inputs_; first += sparse_block) {
      for (std::size_t j = 0; j < samples_; ++j, ++segment) {
        for (std::size_t e = by_sample_.starts[segment]; e < by_sample_.starts[segment + 1]; ++e) {
          f(e, first + by_sample_.indices[e], j);
        }
      }
    }
  };
  const auto place = [&](std::size_t input, std::size_t j) { return j / sparse_block * inputs_ + input; };
  std::vector<std::uint32_t>& starts = by_input_.starts;
  starts.assign(blocks * inputs_ + 1, 0);
  each_entry([&](std::size_t, std::size_t input, std::size_t j) { ++starts[place(input, j) + 1]; });
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  by_input_.indices.resize(starts.back());
  by_input_.values.resize(starts.back());
  std::vector<std::uint32_t> next(starts.begin(), starts.end() - 1);
  each_entry([&](std::size_t e, std::size_t input, std::size_t j) {
    const std::uint32_t at = next[place(input, j)]++;
    by_input_.indices[at] = static_cast<std::uint32_t>(j % sparse_block);
    by_input_.values[at] = by_sample_.values[e];
  });
}

template <typename Real>
void SparseInputs<Real>::multiply(const arma::Mat<Real>& W, arma::Mat<Real>& WX) const {
  WX.set_size(W.n_rows, samples_);
  run<Real>({.rows = W.n_rows,
             .source = W.memptr(),
             .source_stride = W.n_rows,
             .sources = inputs_,
             .out = WX.memptr(),
             .out_stride = W.n_rows,
             .outs = samples_,
             .background = background_,
             .starts = by_sample_.starts.data(),
             .indices = by_sample_.indices.data(),
             .values = by_sample_.values.data()});
}

template <typename Real>
typename SparseInputs<Real>::Entries SparseInputs<Real>::of_first(std::size_t k) const {
  Entries kept;
  for (std::size_t first = 0; first < k; first += sparse_block) {
    for (std::size_t input = 0; input < inputs_; ++input) {
      kept.starts.push_back(static_cast<std::uint32_t>(kept.indices.size()));
      const std::size_t segment = first / sparse_block * inputs_ + input;
      for (std::size_t e = by_input_.starts[segment]; e < by_input_.starts[segment + 1]; ++e) {
        if (first + by_input_.indices[e] >= k) break;
        kept.indices.push_back(by_input_.indices[e]);
        kept.values.push_back(by_input_.values[e]);
      }
    }
  }
  kept.starts.push_back(static_cast<std::uint32_t>(kept.indices.size()));
  return kept;
}

template <typename Real>
void SparseInputs<Real>::add_outer(Real p, const arma::Mat<Real>& D, std::size_t k, arma::Mat<Real>& W) const {
  Entries some;
  if (k < samples_) some = of_first(k);
  const Entries& entries = k < samples_ ? some : by_input_;
  run<Real>({.rows = W.n_rows,
             .source = D.memptr(),
             .source_stride = D.n_rows,
             .sources = k,
             .out = W.memptr(),
             .out_stride = W.n_rows,
             .outs = inputs_,
             .adds = true,
             .scale = p,
             .background = background_,
             .starts = entries.starts.data(),
             .indices = entries.indices.data(),
             .values = entries.values.data()});
}

template <typename Real>
void SparseInputs<Real>::drop(std::size_t sample) {
  const std::size_t first = sample / sparse_block * inputs_;
  for (std::size_t e = by_input_.starts[first]; e < by_input_.starts[first + inputs_]; ++e) {
    if (by_input_.indices[e] == sample % sparse_block) by_input_.values[e] = 0;
  }
}

template class SparseInputs<double>;
template class SparseInputs<float>;

}  // namespace dynvert
