#include <dynvert/models/credit.hpp>
#include <dynvert/models/credit_list.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace dynvert {

std::span<const CreditModel> credit_models() {
  static const std::array models{
      backprop(),
      feedback_alignment(),
      pseudo_backprop(),
      sequential_inversion(),
  };
  return models;
}

const CreditModel& credit_model(std::string_view name) {
  const auto models = credit_models();
  const auto found = std::ranges::find(models, name, &CreditModel::name);
  if (found != models.end()) return *found;
  std::vector<std::string_view> names;
  for (const auto& m : models) names.push_back(m.name);
  throw ValueError("credit model", fmt::format("\"{}\" is not known", name), fmt::format("{}", fmt::join(names, ", ")));
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
