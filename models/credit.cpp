#include <dynvert/models/credit.hpp>
#include <dynvert/models/credit_list.hpp>
#include <dynvert/models/registry.hpp>

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

const CreditModel& credit_model(std::string_view name) { return find_by_name(credit_models(), name, "credit model"); }

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
