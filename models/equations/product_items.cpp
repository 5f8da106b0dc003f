#include <dynvert/models/equations/product_items.hpp>

namespace dynvert::equations {

void split_product(const Expression& e, const std::function<bool(const Expression&)>& is_matrix,
                   std::vector<ProductItem>& items, bool& negative) {
  if (e.is(Kind::negate)) {
    negative = !negative;
    split_product(e.argument(), is_matrix, items, negative);
    return;
  }
  const Kind k = e.kind();
  if (!is_product(k)) {
    items.push_back({e, false, false, e.at()});
    return;
  }
  split_product(e.argument(0), is_matrix, items, negative);
  const bool inverse = k == Kind::divide || k == Kind::over;
  const bool elementwise = k == Kind::times || k == Kind::over;
  const Expression& right = e.argument(1);
  if (inverse || is_matrix(items.back().e)) {
    items.push_back({right, inverse, elementwise, right.at()});
    return;
  }
  const std::size_t first = items.size();
  split_product(right, is_matrix, items, negative);
  items[first].elementwise = elementwise;
}

Expression join(const Expression& left, const ProductItem& item, bool elementwise) {
  const bool empty = !left || left.is_number(1);
  if (empty && !item.inverse) return item.e;
  if (item.e.is_number(1)) return left ? left : item.e;
  const Kind kind =
      item.inverse ? (elementwise ? Kind::over : Kind::divide) : (elementwise ? Kind::times : Kind::multiply);
  return Expression::operation(kind, {empty ? Expression::number(1) : left, item.e}, item.at);
}

Expression scaled_by(Expression coefficient, const Expression& e, bool inverse) {
  bool negative = coefficient.is(Kind::negate);
  if (negative) coefficient = coefficient.argument();
  std::vector<ProductItem> items;
  if (inverse) {
    items.push_back({e, true, false, e.at()});
    if (e.is(Kind::negate)) {
      negative = !negative;
      items.back().e = e.argument();
    }
  } else {
    split_product(
        e, [](const Expression&) { return false; }, items, negative);
  }
  for (const ProductItem& item : items) coefficient = join(coefficient, item, false);
  return negative ? negated(coefficient) : coefficient;
}

}  // namespace dynvert::equations
