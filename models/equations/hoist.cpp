#include <dynvert/models/equations/hoist.hpp>

#include <fmt/format.h>

#include <utility>

namespace dynvert::equations {

namespace {

/// A name that is not taken: drive[l], drive_x[l], drive_x_2[l], ..
Name drive_name(NameTable& names, const Name& of) {
  Name name{"drive", of.indices};
  for (std::size_t i = 1; names.find(name) != nullptr || names.is_taken(name); ++i)
    name.base = i == 1 ? "drive_" + of.base : fmt::format("drive_{}_{}", of.base, i);
  return name;
}

Expression drive(NameTable& names, const Expression& inside, const Statement& of, std::vector<Statement>& made) {
  Statement s{.left = drive_name(names, name_of(of.left)).expression(inside.at()), .right = inside, .where = of.where};
  s.where.offset = inside.at();
  names.declare(s, Population::Type::algebraic);
  made.push_back(s);
  return s.left;
}

}  // namespace

void hoist(NameTable& names, Statement& s, std::vector<Statement>& made) {
  const TermReader terms = names.reader(s.where);
  s.right = transformed(s.right, [&](const Expression& e) {
    const bool of_rules = e.is(Kind::call) && (e.name() == "end" || e.name() == "avg" || e.name() == "low");
    if (!e.is(Kind::call) || of_rules || e.name() == "last" || e.arguments().empty()) return e;
    if (!terms.holds_matrix(e.argument())) return e;
    std::vector<Expression> arguments(e.arguments().begin(), e.arguments().end());
    arguments[0] = drive(names, arguments[0], s, made);
    return e.with({}, std::move(arguments));
  });
}

void hoist_of_rule(NameTable& names, Statement& s, std::vector<Statement>& made) {
  hoist(names, s, made);
  const TermReader terms = names.reader(s.where);
  s.right = transformed(s.right, [&](const Expression& e) {
    if (!e.is(Kind::multiply)) return e;
    const Expression& m = e.argument(0).is(Kind::transpose) ? e.argument(0).argument() : e.argument(0);
    if (!m.is(Kind::name) || terms.role(m) != Role::matrix) return e;
    if (terms.is_number(e.argument(1)) || e.argument(1).is(Kind::transpose) || terms.holds_matrix(e.argument(1)))
      return e;
    return drive(names, e, s, made);
  });
}

}  // namespace dynvert::equations
