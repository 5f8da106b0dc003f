#pragma once

/// Products as lists of what they multiply and divide: a*(b/c) .* d is a, b, 1/c, d.

#include <dynvert/models/equations/expression.hpp>

#include <functional>
#include <vector>

namespace dynvert::equations {

struct ProductItem {
  Expression e;
  bool inverse = false;
  bool elementwise = false;  ///< joined by .* or ./ to what stands before it
  std::size_t at = 0;
};

/// @param negative   changes with each sign
/// @param is_matrix  of an item: what a matrix multiplies stays whole
void split_product(const Expression& e, const std::function<bool(const Expression&)>& is_matrix,
                   std::vector<ProductItem>& items, bool& negative);

/// left times an item, or divided by it; of an absent left, or 1, the item alone.
[[nodiscard]] Expression join(const Expression& left, const ProductItem& item, bool elementwise);

/// A coefficient times a number, or divided by it: c1*c2*c3 from the left, with its sign in front.
[[nodiscard]] Expression scaled_by(Expression coefficient, const Expression& e, bool inverse);

}  // namespace dynvert::equations
