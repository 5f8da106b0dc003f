// Many steps of a reduced linear loop at once, by squaring the matrix of one.

#include <dynvert/models/circuit/product.hpp>
#include <dynvert/sim/solvers/reduced_loop.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace dynvert {

/// Matrices of k x k blocks and stacks of k blocks, each of n rows padded as in a state.
class ReducedLoop::Blocks {
 public:
  Blocks(std::size_t k, std::size_t n, AffineKernel kernel) : k_(k), n_(n), kernel_(kernel) {}

  [[nodiscard]] std::size_t size(std::size_t columns) const { return padded(n_) * columns; }
  /// out = sum over j of A_ij B_j, for each i; columns of each B_j
  void apply(const std::vector<State>& A, const std::vector<State>& B, std::size_t columns, std::vector<State>& out) {
    out.resize(k_);
    for (std::size_t i = 0; i < k_; ++i) {
      terms_.clear();
      for (std::size_t j = 0; j < k_; ++j) terms_.emplace_back(&A[i * k_ + j], &B[j]);
      sum(columns, out[i]);
    }
  }
  /// out = A A
  void square(const std::vector<State>& A, std::vector<State>& out) {
    out.resize(k_ * k_);
    if (k_ == 2) {
      // The blocks are polynomials of one matrix, so they commute: five products in place of eight,
      // [[a a + b c, b (a + d)], [c (a + d), d d + b c]].
      const State &a = A[0], &b = A[1], &c = A[2], &d = A[3];
      trace_.resize(a.size());
      for (std::size_t n = 0; n < trace_.size(); ++n) trace_[n] = a[n] + d[n];
      product(b, c, nullptr, bc_);
      product(a, a, &bc_, out[0]);
      product(b, trace_, nullptr, out[1]);
      product(c, trace_, nullptr, out[2]);
      product(d, d, &bc_, out[3]);
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

  void product(const State& A, const State& B, const State* plus, State& out) {
    terms_.assign(1, {&A, &B});
    sum(n_, out, plus);
  }

  /// out = plus + sum of the terms
  void sum(std::size_t columns, State& out, const State* plus = nullptr) {
    out.resize(size(columns));
    if (n_ > small) {
      const std::size_t stride = padded(n_);
      double beta = plus != nullptr ? 1 : 0;
      if (plus != nullptr) std::ranges::copy(*plus, out.begin());
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
    const AffineUpdate sum{.terms = affine_.data(),
                           .term_count = affine_.size(),
                           .units = n_,
                           .stride = padded(n_),
                           .columns = columns,
                           .input = plus != nullptr ? plus->data() : zeros_.data(),
                           .state = zeros_.data(),
                           .out = out.data(),
                           .keep = 0,
                           .rate = ones_.data(),
                           .leak = zeros_.data()};
    kernel_(&sum, 1, 1);
  }

  std::size_t k_, n_;
  AffineKernel kernel_;
  std::vector<std::pair<const State*, const State*>> terms_;
  std::vector<AffineTerm> affine_;
  State zeros_, ones_, trace_, bc_;
};

namespace {

/// the largest magnitude; NaN where there is one
double largest(const std::vector<State>& blocks) {
  double most = 0;
  for (const State& block : blocks) {
    for (const double value : block) {
      if (!(std::abs(value) <= most)) most = std::abs(value);
    }
    if (std::isnan(most)) break;
  }
  return most;
}

/// The largest sum of a row's magnitudes, of k x k blocks of n columns each: |A x| <= norm |x| for largest magnitudes.
double row_norm(const std::vector<State>& A, std::size_t k, std::size_t n, State& sums) {
  const std::size_t stride = padded(n);
  double most = 0;
  for (std::size_t i = 0; i < k; ++i) {
    sums.assign(stride, 0.0);
    for (std::size_t j = 0; j < k; ++j) {
      const State& block = A[i * k + j];
      for (std::size_t c = 0; c < n; ++c) {
        for (std::size_t r = 0; r < stride; ++r) sums[r] += std::abs(block[c * stride + r]);
      }
    }
    for (const double sum : sums) most = std::max(most, sum);
  }
  return most;
}

}  // namespace

/// What propagate() works in; kept, since for small loops memory is most of what a trial would ask for.
struct ReducedLoop::Power {
  /// 2^j steps at once.
  struct Stride {
    std::vector<State> A;
    std::vector<std::vector<State>> R;
    arma::mat S;
  };

  Power(const Circuit& circuit, std::size_t k_, std::size_t n_)
      : k(k_), n(n_), basis(circuit, 1), blocks(k_, n_, kernels().affine) {}

  /// X = 0, Y = (0, .., 0, 1)
  void start(std::size_t columns) {
    X.resize(k);
    for (State& block : X) block.assign(blocks.size(columns), 0.0);
    Y.zeros(now.S.n_rows);
    Y.back() = 1;
  }
  /// X <- A X + R Y, Y <- S Y
  void move(const Stride& by, std::size_t columns) {
    blocks.apply(by.A, X, columns, next);
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < Y.n_elem; ++j) add(next[i], Y(j), by.R[j][i]);
    }
    X.swap(next);
    Y = by.S * Y;
  }
  /// From how far the loop goes at most, whenever it is looked at within less than 2^j steps, to less than 2^(j+1):
  /// these, and as many from where 2^j have led.
  /// @param most  the largest of each y on its way
  [[nodiscard]] double extended(double reach, const arma::vec& most) {
    double brought = 0;
    for (std::size_t j = 0; j < most.n_elem; ++j) brought += most(j) * largest(now.R[j]);
    return std::max(reach, row_norm(now.A, k, n, sums) * reach + brought);
  }
  /// A^2, A R + R S, S^2
  void square(std::size_t columns) {
    twice.resize(now.R.size(), std::vector<State>(k));
    for (std::size_t j = 0; j < now.R.size(); ++j) {
      blocks.apply(now.A, now.R[j], columns, twice[j]);
      for (std::size_t i = 0; i < k; ++i) {
        for (std::size_t l = 0; l < now.R.size(); ++l) add(twice[j][i], now.S(l, j), now.R[l][i]);
      }
    }
    now.R.swap(twice);
    now.S = now.S * now.S;
    blocks.square(now.A, squared);
    now.A.swap(squared);
  }
  /// Whether the core is within the limit whenever it is looked at.
  [[nodiscard]] bool stays_within(double limit, std::size_t steps, std::size_t columns) {
    start(columns);
    for (std::size_t done = 0; done <= steps; done += steps_between_checks) {
      if (!(largest(X) <= limit)) return false;
      move(between_checks, columns);
    }
    return true;
  }

  std::size_t k, n;
  RightHandSide basis;
  Blocks blocks;
  Stride now, between_checks;
  std::vector<State> X;
  arma::vec Y;
  State x, sums;
  std::vector<State> squared, next;
  std::vector<std::vector<State>> twice;

 private:
  static void add(State& to, double factor, const State& from) {
    if (factor == 0) return;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
  }
};

double ReducedLoop::propagation_cost(std::size_t steps, std::size_t columns) const {
  const auto squarings = static_cast<double>(std::bit_width(steps));
  const auto n = static_cast<double>(units_);
  const auto k = static_cast<double>(members());
  const double products = members() == 2 ? 5 : k * k * k;
  return squarings * n * n * (products * n + k * k * static_cast<double>((q_.size() + 1) * columns));
}

/// One step of all that the step's matrix is made of: each variable of the core, each q and y, the input.
void ReducedLoop::take_first_step(const Stepper& step) {
  const std::size_t k = members();
  const std::size_t N = k * units_;
  const std::size_t m = q_.size();
  const std::size_t columns = f_->layout().columns();
  if (!power_) power_ = std::make_shared<Power>(circuit_, k, units_);
  RightHandSide& basis = power_->basis;
  basis.set_columns(N + (m + 1) * columns);
  basis.set_weights(around_, f_->weights(around_));
  for (PopulationIndex p = 0; p < circuit_.populations().size(); ++p) {
    std::ranges::fill(basis.tau(p), f_->tau(p, 0));
    std::ranges::fill(basis.leak(p), f_->leak(p, 0));
    for (std::size_t c = 0; c < columns; ++c) {
      std::ranges::copy(std::as_const(*f_).input(p).column(c), basis.input(p).column(N + m * columns + c).begin());
    }
  }
  State& x = power_->x;
  x.assign(basis.layout().size(), 0.0);
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
  step(basis, x, 1);

  Power::Stride& now = power_->now;
  const std::size_t stride = padded(units_);
  const auto cut = [&](PopulationIndex p, std::size_t column, std::size_t count, State& to) {
    const double* first = x.data() + basis.layout().offset(p) + column * stride;
    to.assign(first, first + count * stride);
  };
  now.A.resize(k * k);
  now.R.resize(m + 1, std::vector<State>(k));
  now.S.zeros(m + 1, m + 1);
  now.S(m, m) = 1;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) cut(core_[i], j * units_, units_, now.A[i * k + j]);
    for (std::size_t j = 0; j <= m; ++j) cut(core_[i], N + j * columns, columns, now.R[j][i]);
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j <= m; ++j) now.S(i, j) = view(y_[i])(0, N + j * columns);
  }
}

std::optional<State> ReducedLoop::propagate(std::size_t steps, const Stepper& step, double limit) {
  take_first_step(step);
  Power& power = *power_;
  const std::size_t m = q_.size();
  const std::size_t columns = f_->layout().columns();

  // bounds of each y on its way, and with it of each q = y g: of twice as many steps from those of so many
  power.start(columns);
  arma::vec most = power.Y;
  if (m > 0) {
    arma::mat S = power.now.S;
    for (std::size_t reached = 1; reached <= steps; reached *= 2) {
      most = arma::max(most, arma::abs(S) * most);
      S = S * S;
    }
    const ConstMatrixView g = std::as_const(*f_).input(q_[0]);
    double furthest = 1;
    for (std::size_t c = 0; c < columns; ++c) {
      for (const double value : g.column(c)) furthest = std::max(furthest, std::abs(value));
    }
    if (!(furthest * most.head(m).max() <= limit)) return std::nullopt;
  }

  double reach = 0;
  std::size_t taken = 1;  // by power.now
  for (std::size_t left = steps;; left /= 2, taken *= 2) {
    if (taken == steps_between_checks) power.between_checks = power.now;
    if (taken >= steps_between_checks) reach = power.extended(reach, most);
    if (left % 2 == 1) power.move(power.now, columns);
    if (left <= 1) break;
    power.square(columns);
  }
  if (!(largest(power.X) <= limit)) return std::nullopt;
  if (!(reach <= limit)) {
    const std::vector<State> X = power.X;
    const arma::vec Y = power.Y;
    if (!power.stays_within(limit, steps, columns)) return std::nullopt;
    power.X = X;
    power.Y = Y;
  }

  State z(f_->layout().size());
  for (std::size_t i = 0; i < members(); ++i)
    std::ranges::copy(power.X[i], z.begin() + static_cast<std::ptrdiff_t>(f_->layout().offset(core_[i])));
  for (std::size_t i = 0; i < m; ++i) {
    fill(f_->layout().view(std::span<double>(z), y_[i]), power.Y(i));
    const MatrixView q = f_->layout().view(std::span<double>(z), q_[i]);
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t n = 0; n < units_; ++n) q(n, c) = power.Y(i) * std::as_const(*f_).input(q_[0])(n, c);
    }
  }
  return z;
}

}  // namespace dynvert
