#include <dynvert/models/equations/expression.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace dynvert::equations {

struct Expression::Node {
  Kind kind = Kind::absent;
  double value = 0;
  std::string name{};
  int primes = 0;
  std::vector<Expression> indices{}, arguments{};
  std::size_t at = 0;
  std::size_t size = 1;
};

Expression::Expression(Node node) {
  // shared parts count wherever they stand; no tree that matters has as many nodes as the limit here
  constexpr std::size_t most = std::size_t{1} << 40;
  node.size = 1;
  for (const auto* parts : {&node.indices, &node.arguments})
    for (const Expression& part : *parts) node.size = std::min(most, node.size + part.size());
  node_ = std::make_shared<const Node>(std::move(node));
}

std::size_t Expression::size() const noexcept { return node_ ? node_->size : 0; }

Expression Expression::number(double value, std::size_t at) {
  if (!std::isfinite(value))
    throw ValueError("expression", fmt::format("holds the number {}", value), "finite numbers");
  const Expression size(Node{.kind = Kind::number, .value = std::abs(value), .at = at});
  return value < 0 ? operation(Kind::negate, {size}, at) : size;
}

Expression Expression::text(std::string text, std::size_t at) {
  return Expression(Node{.kind = Kind::text, .name = std::move(text), .at = at});
}

Expression Expression::name(std::string name, std::vector<Expression> indices, std::size_t at) {
  return Expression(Node{.kind = Kind::name, .name = std::move(name), .indices = std::move(indices), .at = at});
}

Expression Expression::call(std::string name, std::vector<Expression> arguments, std::vector<Expression> indices,
                            int primes, std::size_t at) {
  return Expression(Node{.kind = Kind::call,
                         .name = std::move(name),
                         .primes = primes,
                         .indices = std::move(indices),
                         .arguments = std::move(arguments),
                         .at = at});
}

Expression Expression::operation(Kind kind, std::vector<Expression> arguments, std::size_t at) {
  return Expression(Node{.kind = kind, .arguments = std::move(arguments), .at = at});
}

Kind Expression::kind() const noexcept { return node_ ? node_->kind : Kind::absent; }
double Expression::value() const { return node_->value; }
const std::string& Expression::name() const { return node_->name; }
int Expression::primes() const { return node_->primes; }
std::span<const Expression> Expression::indices() const {
  return node_ ? std::span<const Expression>(node_->indices) : std::span<const Expression>();
}
std::span<const Expression> Expression::arguments() const {
  return node_ ? std::span<const Expression>(node_->arguments) : std::span<const Expression>();
}
std::size_t Expression::at() const { return node_ ? node_->at : 0; }

Expression Expression::with(std::vector<Expression> indices, std::vector<Expression> arguments) const {
  Node node = *node_;
  node.indices = std::move(indices);
  node.arguments = std::move(arguments);
  return Expression(std::move(node));
}

Expression Expression::placed(std::size_t at) const {
  return transformed(*this, [at](const Expression& e) {
    Node node = *e.node_;
    node.at = at;
    return Expression(std::move(node));
  });
}

bool Expression::operator==(const Expression& other) const {
  if (node_ == other.node_) return true;
  if (!node_ || !other.node_) return false;
  const Node& a = *node_;
  const Node& b = *other.node_;
  return a.kind == b.kind && a.value == b.value && a.name == b.name && a.primes == b.primes && a.indices == b.indices &&
         a.arguments == b.arguments;
}

Expression negated(const Expression& x) {
  if (x.is(Kind::negate)) return x.argument();
  if (x.is_number(0)) return x;
  return Expression::operation(Kind::negate, {x}, x.at());
}

Expression transformed(const Expression& e, const std::function<Expression(const Expression&)>& change) {
  if (!e) return e;
  std::vector<Expression> indices, arguments;
  for (const Expression& i : e.indices()) indices.push_back(transformed(i, change));
  for (const Expression& a : e.arguments()) arguments.push_back(transformed(a, change));
  return change(e.with(std::move(indices), std::move(arguments)));
}

void visit(const Expression& e, const std::function<bool(const Expression&)>& visit_node) {
  if (!e || !visit_node(e)) return;
  for (const Expression& i : e.indices()) visit(i, visit_node);
  for (const Expression& a : e.arguments()) visit(a, visit_node);
}

namespace {

/// A number, of either sign.
bool constant(const Expression& e, double& value) {
  if (e.is(Kind::negate) && e.argument().is(Kind::number)) {
    value = -e.argument().value();
    return true;
  }
  if (!e.is(Kind::number)) return false;
  value = e.value();
  return true;
}

double fold(Kind kind, double a, double b) {
  switch (kind) {
    case Kind::add:
      return a + b;
    case Kind::subtract:
      return a - b;
    case Kind::multiply:
    case Kind::times:
      return a * b;
    case Kind::divide:
    case Kind::over:
      return a / b;
    default:
      return std::pow(a, b);
  }
}

}  // namespace

Expression simplified_node(const Expression& e) {
  if (e.is(Kind::negate)) return negated(e.argument());
  if (e.arguments().size() != 2 || e.is(Kind::call)) return e;
  const Expression& x = e.argument(0);
  const Expression& y = e.argument(1);
  double a = 0;
  double b = 0;
  const bool left = constant(x, a);
  const bool right = constant(y, b);
  if (left && right) {
    const double value = fold(e.kind(), a, b);
    return std::isfinite(value) ? Expression::number(value, e.at()) : e;
  }
  switch (e.kind()) {
    case Kind::add:
      if (left && a == 0) return y;
      if (right && b == 0) return x;
      if (y.is(Kind::negate)) return Expression::operation(Kind::subtract, {x, y.argument()}, e.at());
      return e;
    case Kind::subtract:
      if (left && a == 0) return negated(y);
      if (right && b == 0) return x;
      if (y.is(Kind::negate)) return Expression::operation(Kind::add, {x, y.argument()}, e.at());
      return e;
    case Kind::multiply:
    case Kind::times:
      if ((left && a == 0) || (right && b == 0)) return Expression::number(0, e.at());
      if (left && std::abs(a) == 1) return a < 0 ? negated(y) : y;
      if (right && std::abs(b) == 1) return b < 0 ? negated(x) : x;
      return e;
    case Kind::divide:
    case Kind::over:
      if (left && a == 0) return Expression::number(0, e.at());
      if (right && std::abs(b) == 1) return b < 0 ? negated(x) : x;
      return e;
    case Kind::power:
      if (right && b == 0) return Expression::number(1, e.at());
      if (right && b == 1) return x;
      return e;
    default:
      return e;
  }
}

Expression simplified(const Expression& e) { return transformed(e, simplified_node); }

}  // namespace dynvert::equations
