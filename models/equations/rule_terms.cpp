// Rules as sums of terms: coefficient, the moment that is read, post and pre.

#include <dynvert/models/equations/product_items.hpp>
#include <dynvert/models/equations/terms.hpp>

#include <fmt/format.h>

namespace dynvert::equations {

namespace {

bool is_wrapper(const Expression& e) {
  return e.is(Kind::call) && (e.name() == "end" || e.name() == "avg" || e.name() == "low");
}

/// Something that only rules have: a moment, or pre'.
bool is_of_rules(const Expression& e) {
  bool found = false;
  visit(e, [&](const Expression& node) {
    found = found || is_wrapper(node) || node.is(Kind::transpose);
    return !found;
  });
  return found;
}

class RuleCollector {
 public:
  RuleCollector(const TermReader& reader, const Name& matrix, bool continuous)
      : reader_(reader),
        own_(matrix.expression()),
        is_bias_(reader.role(own_) == Role::bias),
        continuous_(continuous) {}

  void collect(const Expression& e, const RuleTerm& so_far) {
    switch (e.kind()) {
      case Kind::add:
      case Kind::subtract: {
        collect(e.argument(0), so_far);
        RuleTerm second = so_far;
        if (e.is(Kind::subtract)) second.coefficient = negated(second.coefficient);
        collect(e.argument(1), second);
        return;
      }
      default:
        collect_product(e, so_far);
    }
  }

  std::vector<RuleTerm> terms;
  Expression decay;

 private:
  [[nodiscard]] Where where(const Expression& e) const { return {reader_.source, e.at()}; }

  void collect_wrapper(const Expression& e, RuleTerm term) {
    const auto args = e.arguments();
    if (e.name() == "low") {
      if (args.size() != 2 || !reader_.is_number(args[1]))
        fail(where(e), "low() has other arguments", "low(post*pre', tau), tau a number or a parameter");
      if (term.low) fail(where(e), "low() within low()", "one low-pass");
      term.low = args[1];
      collect_inner(args[0], term);
      return;
    }
    if (continuous_)
      fail(where(e), fmt::format("{}() in a continuous rule", e.name()), "post*pre' of this moment, low()");
    if (term.when != RuleTerm::When::last || term.low)
      fail(where(e), fmt::format("{}() within end(), avg() or low()", e.name()), "one of them around post*pre'");
    const bool is_end = e.name() == "end";
    if (is_end ? args.size() != 2 : args.empty())
      fail(where(e), fmt::format("{}() has other arguments", e.name()),
           is_end ? "end(\"phase\", post*pre')" : "avg(post*pre'), avg(post*pre', \"phase\", ..)");
    term.when = is_end ? RuleTerm::When::end : RuleTerm::When::average;
    const std::size_t inner = is_end ? 1 : 0;
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (i == inner) continue;
      if (!args[i].is(Kind::text))
        fail(where(args[i]), fmt::format("{} is no phase", to_text(args[i])), "\"name of a phase\"");
      term.phases.push_back(args[i].name());
    }
    collect_inner(args[inner], term);
  }

  /// Within end(), avg() and low() of a bias a sum of signals is one post, as it is in post*pre'.
  void collect_inner(const Expression& e, const RuleTerm& term) {
    const bool is_sum = e.is(Kind::add) || e.is(Kind::subtract);
    if (is_bias_ && is_sum && !is_of_rules(e))
      collect_product(e, term);
    else
      collect(e, term);
  }

  void collect_product(const Expression& e, RuleTerm term) {
    std::vector<ProductItem> items;
    bool negative = false;
    split_product(
        e, [](const Expression&) { return false; }, items, negative);
    if (negative) term.coefficient = negated(term.coefficient);
    term.where = where(e);
    Expression post;
    Expression pre;
    Expression inner;  // end(), avg(), low(), or a sum of such
    bool is_decay = false;
    for (const ProductItem& item : items) {
      if (reader_.is_number(item.e)) {
        term.coefficient = scaled_by(term.coefficient, item.e, item.inverse);
        continue;
      }
      if (item.e == own_ && !item.inverse) {
        is_decay = true;
        continue;
      }
      if (item.e.is(Kind::transpose)) {
        if (pre || item.inverse || item.elementwise || !post)
          fail(where(item.e), fmt::format("{} does not stand at the end of post*pre'", to_text(item.e)), "post*pre'");
        pre = item.e.argument();
        if (reader_.holds_matrix(pre)) fail(where(pre), "a matrix as pre", "a population: write one for a product");
        reader_.check_signal(pre);
        continue;
      }
      if (pre) fail(where(item.e), "a signal after post*pre'", "numbers; a signal before it is a factor of post");
      if (is_of_rules(item.e)) {
        if (inner || item.inverse)
          fail(where(item.e), "a product of two rules", "a sum of terms with one post*pre' each");
        inner = item.e;
        continue;
      }
      reader_.check_signal(item.e);
      const bool by_unit = item.elementwise || !post || reader_.is_one_value(item.e) || reader_.is_one_value(post);
      if (!by_unit || (item.inverse && !item.elementwise && !reader_.is_one_value(item.e)))
        fail(where(item.e), "a product of two signals", "post*pre' with pre transposed, or post .* factor");
      post = join(post, item, true);
    }
    if (is_decay) {
      if (post || pre || inner) fail(where(e), "the matrix itself times a signal", "- lambda*W alone");
      if (term.when != RuleTerm::When::now && term.when != RuleTerm::When::last)
        fail(where(e), "decay within end() or avg()", "- lambda*W beside them");
      const Expression c = negated(term.coefficient);
      decay = decay ? Expression::operation(Kind::add, {decay, c}, c.at()) : c;
      return;
    }
    if (inner) {
      if (post && !(is_wrapper(inner) && inner.name() == "low"))
        fail(where(post), "a signal before end() or avg()", "numbers there; a factor of post within them");
      if (post)
        term.factor =
            term.factor.is_number(1) ? post : Expression::operation(Kind::times, {term.factor, post}, post.at());
      if (is_wrapper(inner))
        collect_wrapper(inner, term);
      else
        collect(inner, term);
      return;
    }
    if (!pre && !is_bias_)
      fail(where(e), fmt::format("no post*pre' in a rule on the matrix {}", to_text(own_)),
           "terms eta*post*pre', and - lambda*W");
    if (pre && is_bias_)
      fail(where(pre), fmt::format("pre' in a rule on {}, which is a matrix from one", to_text(own_)), "post alone");
    term.post = post ? post : Expression::number(1, e.at());
    term.pre = pre ? pre : Expression::number(1);
    terms.push_back(term);
  }

  const TermReader& reader_;
  Expression own_;
  bool is_bias_, continuous_;
};

}  // namespace

std::vector<RuleTerm> TermReader::read_rule(const Expression& right, const Name& matrix, bool continuous,
                                            Expression& decay) const {
  RuleCollector collector(*this, matrix, continuous);
  collector.collect(right, {.when = continuous ? RuleTerm::When::now : RuleTerm::When::last});
  decay = collector.decay ? collector.decay : Expression::number(0);
  return collector.terms;
}

}  // namespace dynvert::equations
