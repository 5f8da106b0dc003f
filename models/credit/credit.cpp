#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/registry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dynvert {

std::vector<FeedbackPath> sequential_feedback(std::size_t depth) {
  std::vector<FeedbackPath> paths;
  for (std::size_t l = 2; l <= depth; ++l) {
    paths.push_back({.number = l, .name = fmt::format("B{}", l), .bottom = l - 1, .top = l});
  }
  return paths;
}

std::span<const TransferKind> transfer_kinds() {
  static constexpr std::array kinds{TransferKind{"linear", "f(x) = x, credit delta .* g'(a)"},
                                    TransferKind{"nonlinear", "f(x) = g(x), credit delta"},
                                    TransferKind{"linearised", "f(x) = x / g'(a), credit delta"}};
  return kinds;
}

Transfer transfer(std::string_view name) {
  const auto kinds = transfer_kinds();
  return static_cast<Transfer>(&find_by_name(kinds, name, "transfer") - kinds.data());
}

void propagate(const Network& network, const Activity& activity, Credit& credit,
               const std::function<arma::mat(std::size_t l, const arma::mat& delta)>& back) {
  const std::size_t depth = network.depth();
  credit.resize(depth + 1);
  credit[depth] = activity.e;
  for (std::size_t l = depth; l >= 2; --l) {
    credit[l - 1] = back(l, credit[l]);
    multiply_by_slope(*network.g[l - 1], activity.a[l - 1], credit[l - 1]);
  }
}

}  // namespace dynvert
