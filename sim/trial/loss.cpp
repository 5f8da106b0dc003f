#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/trial/loss.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace dynvert {

namespace {

/// numbers of the stacked data that are worth a factorisation, 64 MB
constexpr arma::uword largest_stack = 8'000'000;

/// columns whose largest output is that of their class
std::size_t correct(const arma::mat& y, std::span<const std::uint32_t> classes) {
  std::size_t count = 0;
  for (arma::uword c = 0; c < y.n_cols; ++c) {
    const double* column = y.colptr(c);
    const double* largest = std::max_element(column, column + y.n_rows);
    if (static_cast<std::size_t>(largest - column) == classes[c] && y.col(c).is_finite()) ++count;
  }
  return count;
}

}  // namespace

LossEvaluator::LossEvaluator(Dataset data, const Network& network) : data_(std::move(data)) {
  const arma::uword samples = data_.samples();
  const arma::uword rows = data_.x.units() + 1 + data_.t.units();
  const bool classes = !data_.t.class_numbers().empty();
  if (!network.is_linear() || classes || rows > samples || samples > largest_stack / rows) return;
  arma::mat x, t;
  const arma::mat stacked =
      arma::join_cols(data_.x.view(0, samples, x), arma::ones<arma::rowvec>(samples), data_.t.view(0, samples, t));
  arma::mat Q;
  if (!arma::qr_econ(Q, factor_, stacked.t())) factor_.reset();
}

Score LossEvaluator::score(const Network& network, std::size_t threads) const {
  const std::size_t depth = network.depth();
  if (!factor_.is_empty()) {
    arma::mat P = network.W[depth];
    arma::vec c = network.b[depth];
    for (std::size_t l = depth - 1; l >= 1; --l) {
      if (network.bias) c += P * network.b[l];
      P = P * network.W[l];
    }
    // [P c -I]'
    arma::mat map(factor_.n_cols, data_.t.units());
    map.head_rows(P.n_cols) = P.t();
    map.row(P.n_cols) = c.t();
    map.tail_rows(data_.t.units()).diag().fill(-1);
    const arma::mat residual = factor_ * map;
    return {.loss = arma::dot(residual, residual)};
  }
  // a block of inputs and of each layer fits into the second-level cache
  constexpr std::size_t block = 128;
  const std::size_t blocks = (data_.samples() + block - 1) / block;
  const std::size_t workers = std::clamp<std::size_t>(threads, 1, blocks);
  std::vector<Part> parts(blocks);
  parallel_for(workers, workers, [&](std::size_t w) {
    Activity activity;
    activity.a.resize(depth + 1);
    activity.h.resize(depth + 1);
    for (std::size_t i = w; i < blocks; i += workers) {
      parts[i] = score_samples(network, i * block, std::min(block, data_.samples() - i * block), activity);
    }
  });
  Score score;
  std::size_t right = 0;
  for (const Part& part : parts) {
    score.loss += part.loss;
    right += part.right;
  }
  if (!data_.t.class_numbers().empty())
    score.accuracy = static_cast<double>(right) / static_cast<double>(data_.samples());
  return score;
}

LossEvaluator::Part LossEvaluator::score_samples(const Network& network, std::size_t first, std::size_t samples,
                                                 Activity& activity) const {
  arma::mat x_scratch, t_scratch;
  const arma::mat x = data_.x.view(first, samples, x_scratch);
  const arma::mat t = data_.t.view(first, samples, t_scratch);
  const std::size_t depth = network.depth();
  for (std::size_t l = 1; l <= depth; ++l) {
    arma::mat& a = activity.a[l];
    if (l == 1) {
      a = network.W[l] * x;
    } else {
      a = network.W[l] * activity.h[l - 1];
    }
    if (network.bias) a.each_col() += network.b[l];
    apply(*network.g[l], a, activity.h[l]);
  }
  activity.e = t - activity.h[depth];
  if (!network.g[depth]->elementwise) activity.t = t;
  const auto classes = data_.t.class_numbers();
  return {.loss = dynvert::loss(network, activity),
          .right = classes.empty() ? 0 : correct(activity.h[depth], classes.subspan(first, samples))};
}

Score LossEvaluator::score(const Output& output, Loss loss_of) const {
  constexpr std::size_t block = 128;
  Score score;
  std::size_t right = 0;
  const auto classes = data_.t.class_numbers();
  arma::mat x_scratch, t_scratch;
  for (std::size_t first = 0; first < data_.samples(); first += block) {
    const std::size_t samples = std::min(block, data_.samples() - first);
    const arma::mat x = data_.x.view(first, samples, x_scratch);
    const arma::mat t = data_.t.view(first, samples, t_scratch);
    const auto y = output(x, t, first);
    score.loss += y ? loss_of(*y, t) : std::numeric_limits<double>::quiet_NaN();
    if (y && !classes.empty()) right += correct(*y, classes.subspan(first, samples));
  }
  if (!classes.empty()) score.accuracy = static_cast<double>(right) / static_cast<double>(data_.samples());
  return score;
}

double squared_error(const arma::mat& y, const arma::mat& t) {
  const arma::mat e = t - y;
  return arma::dot(e, e);
}

double cross_entropy(const arma::mat& y, const arma::mat& t) {
  double sum = 0;
  for (arma::uword i = 0; i < t.n_elem; ++i) {
    if (t[i] != 0) sum -= t[i] * std::log(y[i]);
  }
  return sum;
}

}  // namespace dynvert
