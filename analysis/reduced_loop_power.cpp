// Many steps of a reduced linear loop at once, by squaring the matrix of one.

#include <dynvert/analysis/reduced_loop.hpp>
#include <dynvert/models/product.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

namespace dynvert {

namespace {

/// Matrices of k x k blocks and stacks of k blocks, each of n rows padded as in a state.
class Blocks {
 public:
  Blocks(std::size_t k, std::size_t n, AffineKernel kernel) : k_(k), n_(n), kernel_(kernel) {}

  [[nodiscard]] std::size_t size(std::size_t columns) const { return padded(n_) * columns; }
  /// out = sum over j of A_ij B_j, for each i; columns of each B_j
  void apply(const std::vector<State>& A, const std::vector<State>& B, std::size_t columns, std::vector<State>& out) {
    for (std::size_t i = 0; i < k_; ++i) {
      terms_.clear();
      for (std::size_t j = 0; j < k_; ++j) terms_.emplace_back(&A[i * k_ + j], &B[j]);
      sum(columns, out[i]);
    }
  }
  /// out = A A
  void square(const std::vector<State>& A, std::vector<State>& out) {
    if (k_ == 2) {
      // the blocks are polynomials of one matrix, so they commute: five products in place of eight
      trace_.resize(A[0].size());
      for (std::size_t n = 0; n < trace_.size(); ++n) trace_[n] = A[0][n] + A[3][n];
      for (const std::size_t i : {std::size_t{0}, std::size_t{3}}) {
        terms_ = {{&A[i], &A[i]}, {&A[1], &A[2]}};
        sum(n_, out[i]);
      }
      for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
        terms_ = {{&A[i], &trace_}};
        sum(n_, out[i]);
      }
      return;
    }
    for (std::size_t i = 0; i < k_; ++i) {
      for (std::size_t l = 0; l < k_; ++l) {
        terms_.clear();
        for (std::size_t j = 0; j < k_; ++j) terms_.emplace_back(&A[i * k_ + j], &A[j * k_ + l]);
        sum(n_, out[i * k_ + l]);
      }
    }
  }

 private:
  /// Above this many rows BLAS is the faster one, below it its calls cost more than the products.
  static constexpr std::size_t small = 64;

  void sum(std::size_t columns, State& out) {
    out.resize(size(columns));
    if (n_ > small) {
      const std::size_t stride = padded(n_);
      double beta = 0;
      for (const auto& [A, B] : terms_) {
        multiply({A->data(), n_, n_, stride}, {B->data(), n_, columns, stride}, {out.data(), n_, columns, stride},
                 std::exchange(beta, 1.0));
      }
      return;
    }
    zeros_.resize(std::max(zeros_.size(), out.size()));
    ones_.resize(std::max(ones_.size(), columns), 1.0);
    affine_.clear();
    for (const auto& [A, B] : terms_) {
      affine_.push_back({.weights = A->data(), .inputs = n_, .source = B->data(), .source_stride = padded(n_)});
    }
    kernel_({.terms = affine_.data(),
             .term_count = affine_.size(),
             .rows = padded(n_),
             .columns = columns,
             .input = zeros_.data(),
             .state = zeros_.data(),
             .out = out.data(),
             .keep = 0,
             .rate = ones_.data(),
             .leak = zeros_.data()});
  }

  std::size_t k_, n_;
  AffineKernel kernel_;
  std::vector<std::pair<const State*, const State*>> terms_;
  std::vector<AffineTerm> affine_;
  State zeros_, ones_, trace_;
};

bool within(const std::vector<State>& blocks, double limit) {
  return std::ranges::all_of(blocks, [&](const State& block) {
    return std::ranges::all_of(block, [&](double value) { return std::abs(value) <= limit; });
  });
}

}  // namespace

double ReducedLoop::propagation_cost(std::size_t steps, std::size_t columns) const {
  const auto squarings = static_cast<double>(std::bit_width(steps));
  const auto n = static_cast<double>(units_);
  const auto k = static_cast<double>(members());
  const double products = members() == 2 ? 5 : k * k * k;
  return squarings * n * n * (products * n + k * k * static_cast<double>((q_.size() + 1) * columns));
}

std::optional<State> ReducedLoop::propagate(std::size_t steps, const std::function<void(RightHandSide&, State&)>& step,
                                            double limit) {
  const std::size_t k = members();
  const std::size_t N = k * units_;
  const std::size_t m = q_.size();
  const std::size_t columns = f_->layout().columns();

  // One step of all that the step's matrix is made of: each variable of the core, each q and y, the input.
  if (!basis_) basis_.emplace(circuit_, 1);
  RightHandSide& basis = *basis_;
  basis.set_columns(N + (m + 1) * columns);
  basis.set_weights(around_, f_->weights(around_));
  for (PopulationIndex p = 0; p < circuit_.populations().size(); ++p) {
    std::ranges::fill(basis.tau(p), f_->tau(p, 0));
    std::ranges::fill(basis.leak(p), f_->leak(p, 0));
    for (std::size_t c = 0; c < columns; ++c) {
      std::ranges::copy(std::as_const(*f_).input(p).column(c), basis.input(p).column(N + m * columns + c).begin());
    }
  }
  State x(basis.layout().size());
  const auto view = [&](PopulationIndex p) { return basis.layout().view(std::span<double>(x), p); };
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t n = 0; n < units_; ++n) view(core_[j])(n, j * units_ + n) = 1;
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t c = 0; c < columns; ++c) {
      std::ranges::copy(std::as_const(*f_).input(q_[0]).column(c), view(q_[i]).column(N + i * columns + c).begin());
      view(y_[i])(0, N + i * columns + c) = 1;
    }
  }
  step(basis, x);

  Blocks blocks(k, units_, kernels().affine);
  const std::size_t stride = padded(units_);
  const auto cut = [&](PopulationIndex p, std::size_t column, std::size_t count) {
    const double* first = x.data() + basis.layout().offset(p) + column * stride;
    return State(first, first + count * stride);
  };
  std::vector<State> A(k * k);
  std::vector<std::vector<State>> R(m + 1, std::vector<State>(k));
  arma::mat S(m + 1, m + 1);
  S(m, m) = 1;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) A[i * k + j] = cut(core_[i], j * units_, units_);
    for (std::size_t j = 0; j <= m; ++j) R[j][i] = cut(core_[i], N + j * columns, columns);
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j <= m; ++j) S(i, j) = view(y_[i])(0, N + j * columns);
  }

  std::vector<State> X(k, State(blocks.size(columns)));
  arma::vec Y(m + 1);
  Y(m) = 1;
  std::vector<State> next(k);
  std::vector<State> squared(k * k);
  const auto add = [](State& to, double factor, const State& from) {
    if (factor == 0) return;
    for (std::size_t n = 0; n < to.size(); ++n) to[n] += factor * from[n];
  };
  for (std::size_t left = steps;; left /= 2) {
    if (left % 2 == 1) {
      blocks.apply(A, X, columns, next);
      for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t j = 0; j <= m; ++j) add(next[i], Y(j), R[j][i]);
      }
      X.swap(next);
      Y = S * Y;
      if (!within(X, limit)) return std::nullopt;
    }
    if (left <= 1) break;
    // A R + R S
    std::vector<std::vector<State>> twice(m + 1, std::vector<State>(k));
    for (std::size_t j = 0; j <= m; ++j) {
      blocks.apply(A, R[j], columns, twice[j]);
      for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t l = 0; l <= m; ++l) add(twice[j][i], S(l, j), R[l][i]);
      }
    }
    R = std::move(twice);
    S = S * S;
    if (!within(R[m], limit)) return std::nullopt;
    blocks.square(A, squared);
    A.swap(squared);
  }

  State z(f_->layout().size());
  for (std::size_t i = 0; i < k; ++i)
    std::ranges::copy(X[i], z.begin() + static_cast<std::ptrdiff_t>(f_->layout().offset(core_[i])));
  for (std::size_t i = 0; i < m; ++i) {
    fill(f_->layout().view(std::span<double>(z), y_[i]), Y(i));
    const MatrixView q = f_->layout().view(std::span<double>(z), q_[i]);
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t n = 0; n < units_; ++n) q(n, c) = Y(i) * std::as_const(*f_).input(q_[0])(n, c);
    }
  }
  return z;
}

}  // namespace dynvert
