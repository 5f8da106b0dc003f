#include <dynvert/models/error.hpp>
#include <dynvert/models/network/network.hpp>

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace dynvert {

Network::Network(std::vector<std::size_t> units_, const std::vector<std::string>& activation, bool bias_)
    : units(std::move(units_)), bias(bias_) {
  if (units.size() < 2) throw ValueError("network", fmt::format("{} layers", units.size()), "at least two");
  if (std::ranges::count(units, 0U) > 0) throw ValueError("network", "a layer without units", "at least 1 per layer");
  if (activation.size() != depth()) {
    throw ValueError("network", fmt::format("{} activations for {} layers", activation.size(), depth()),
                     "one for each layer above the input");
  }
  W.resize(depth() + 1);
  b.resize(depth() + 1);
  g.resize(depth() + 1);
  for (std::size_t l = 1; l <= depth(); ++l) {
    W[l].zeros(units[l], units[l - 1]);
    b[l].zeros(units[l]);
    g[l] = &rate_function(activation[l - 1]);
    if (l < depth() && !g[l]->elementwise) {
      throw ValueError("network", fmt::format("{} in hidden layer {}", g[l]->name, l),
                       "an elementwise function; softmax is for outputs");
    }
  }
}

bool Network::is_linear() const {
  return std::all_of(g.begin() + 1, g.end(), [](const RateFunction* f) { return f->linear; });
}

arma::mat Network::path(std::size_t bottom, std::size_t top) const {
  arma::mat P = W[bottom + 1];
  for (std::size_t l = bottom + 2; l <= top; ++l) P = W[l] * P;
  return P;
}

void apply(const RateFunction& g, const arma::mat& a, arma::mat& r) {
  r.set_size(arma::size(a));
  if (g.elementwise) return g.value(a.memptr(), r.memptr(), a.n_elem);
  for (arma::uword c = 0; c < a.n_cols; ++c) g.value(a.colptr(c), r.colptr(c), a.n_rows);
}

void forward(const Network& network, const arma::mat& x, const arma::mat& t, Activity& activity) {
  activity.a.resize(network.depth() + 1);
  activity.a[1] = network.W[1] * x;
  forward_driven(network, x, t, activity);
}

void forward_driven(const Network& network, const arma::mat& x, const arma::mat& t, Activity& activity) {
  const std::size_t depth = network.depth();
  activity.h.resize(depth + 1);
  activity.h[0] = x;
  for (std::size_t l = 1; l <= depth; ++l) {
    if (l > 1) activity.a[l] = network.W[l] * activity.h[l - 1];
    if (network.bias) activity.a[l].each_col() += network.b[l];
    apply(*network.g[l], activity.a[l], activity.h[l]);
  }
  activity.t = t;
  activity.e = t - activity.h[depth];
}

double loss(const Network& network, const Activity& activity) {
  if (network.g.back()->elementwise) return arma::dot(activity.e, activity.e);
  // - sum t log y with log y = a - log sum exp a, which holds where y underflows; 0 log 0 = 0
  double sum = 0;
  const arma::mat& a = activity.a.back();
  for (arma::uword c = 0; c < a.n_cols; ++c) {
    const double largest = a.col(c).max();
    const double log_sum = largest + std::log(arma::accu(arma::exp(a.col(c) - largest)));
    for (arma::uword i = 0; i < a.n_rows; ++i) {
      if (activity.t(i, c) != 0) sum -= activity.t(i, c) * (a(i, c) - log_sum);
    }
  }
  return sum;
}

void multiply_by_slope(const RateFunction& g, const arma::mat& a, arma::mat& delta) {
  if (g.linear) return;
  arma::mat slope(a.n_rows, a.n_cols, arma::fill::none);
  g.derivative(a.memptr(), slope.memptr(), a.n_elem);
  delta %= slope;
}

namespace {

/// W := keep W + rate delta h', summed over columns, without forming the product.
void add_outer(double keep, double rate, const arma::mat& delta, const arma::mat& h, arma::mat& W) {
  if (delta.n_cols == 1) {
    // one pass over W; BLAS has no rank-one update that scales as well
    const double* d = delta.memptr();
    for (arma::uword j = 0; j < W.n_cols; ++j) {
      double* column = W.colptr(j);
      const double factor = rate * h[j];
      for (arma::uword i = 0; i < W.n_rows; ++i) column[i] = keep * column[i] + factor * d[i];
    }
    return;
  }
  const auto rows = static_cast<int>(W.n_rows), columns = static_cast<int>(W.n_cols);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows, columns, static_cast<int>(delta.n_cols), rate,
              delta.memptr(), rows, h.memptr(), columns, keep, W.memptr(), rows);
}

/// |delta h'|, summed over columns before the norm
double outer_norm(const arma::mat& delta, const arma::mat& h) {
  if (delta.n_cols == 1) return arma::norm(delta, "fro") * arma::norm(h, "fro");
  return arma::norm(delta * h.t(), "fro");
}

/// max |x|; infinite or NaN where an entry is. Bits of magnitudes are in the order of what they stand for, NaN above
/// all, and the largest of integers is found many at a time.
double largest_magnitude(const arma::mat& m) {
  constexpr std::uint64_t magnitude = ~(std::uint64_t{1} << 63);
  std::uint64_t largest = 0;
  for (const double x : m) largest = std::max(largest, std::bit_cast<std::uint64_t>(x) & magnitude);
  return std::bit_cast<double>(largest);
}

}  // namespace

bool can_learn(const LearningRule& rule, const Activity& activity, const Credit& credit) {
  for (std::size_t l = 1; l < credit.size(); ++l) {
    const double h = largest_magnitude(activity.h[l - 1]), largest_delta = largest_magnitude(credit[l]);
    if (!std::isfinite(h) || !std::isfinite(largest_delta)) return false;
    if (credit[l].is_empty()) continue;
    const auto columns = static_cast<double>(credit[l].n_cols);
    const bool hidden = l + 1 < credit.size();
    const double delta = columns * (hidden ? std::min(largest_delta, rule.clip_delta) : largest_delta);
    // the activity, also where it meets a credit of 0; the gradient itself, and with the rate of learning
    if (!(h <= rule.largest)) return false;
    if (!(delta * std::max(1.0, h) * std::max(1.0, rule.eta) <= rule.largest)) return false;
  }
  return true;
}

void learn(const LearningRule& rule, const Activity& activity, Credit& credit, Network& network,
           OnlineBlock* first_layer) {
  const std::size_t depth = network.depth();
  for (std::size_t l = 1; l < depth; ++l) {
    for (arma::uword c = 0; c < credit[l].n_cols; ++c) {
      const double norm = arma::norm(credit[l].col(c));
      if (norm > rule.clip_delta) credit[l].col(c) *= rule.clip_delta / norm;
    }
  }
  // a zero gradient stays zero under normalisation, and so does one whose quotient would overflow
  const auto scale = [&](double norm, const arma::mat& delta) {
    if (!rule.normalise_updates) return rule.eta;
    if (norm == 0) return 0.0;
    return rule.eta / norm * std::max(1.0, arma::abs(delta).max()) <= rule.largest ? rule.eta / norm : 0.0;
  };
  const double keep = 1 - rule.lambda;
  for (std::size_t l = 1; l <= depth; ++l) {
    const arma::mat& h = activity.h[l - 1];
    const double eta = scale(rule.normalise_updates ? outer_norm(credit[l], h) : 0, credit[l]);
    if (l == 1 && first_layer != nullptr) {
      first_layer->change(keep, eta, credit[l]);
    } else {
      add_outer(keep, eta, credit[l], h, network.W[l]);
    }
    if (!network.bias) continue;
    const arma::vec sum = arma::sum(credit[l], 1);
    if (rule.lambda != 0) network.b[l] *= keep;
    network.b[l] += scale(rule.normalise_updates ? arma::norm(sum) : 0, sum) * sum;
  }
}

}  // namespace dynvert
