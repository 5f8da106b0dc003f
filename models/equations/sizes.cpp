#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/equations/sizes.hpp>

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace dynvert::equations {

namespace {

using Class = std::size_t;
constexpr Class scalar = static_cast<Class>(-1);  // fits every size

/// Union of what has one size.
class Sizes {
 public:
  Class add() {
    parent_.push_back(parent_.size());
    units_.push_back(0);
    return parent_.back();
  }
  Class root(Class c) {
    while (parent_[c] != c) c = parent_[c] = parent_[parent_[c]];
    return c;
  }
  std::size_t units(Class c) { return c == scalar ? 1 : units_[root(c)]; }
  void set(Class c, std::size_t units) { units_[root(c)] = units; }
  /// @return whether they fit
  bool join(Class a, Class b) {
    if (a == scalar || b == scalar) return true;
    a = root(a);
    b = root(b);
    if (units_[a] != 0 && units_[b] != 0 && units_[a] != units_[b]) return false;
    if (units_[a] == 0) units_[a] = units_[b];
    parent_[b] = a;
    return true;
  }

 private:
  std::vector<Class> parent_;
  std::vector<std::size_t> units_;
};

class Inference {
 public:
  Inference(Description& description, const ExpandOptions& options) : d_(description), options_(options) {}

  void run(const std::map<Name, std::size_t>& given) {
    for (const Population& p : d_.populations) populations_[p.name] = sizes_.add();
    for (const Matrix& m : d_.matrices) {
      const Class rows = sizes_.add();
      matrices_[m.name] = {rows, sizes_.add()};
    }
    single_ = sizes_.add();
    sizes_.set(single_, 1);
    set_known(given);
    for (const Population& p : d_.populations) constrain(p.terms, p.name, p.where);
    for (const Phase& phase : d_.phases) {
      for (const Given& g : phase.set) constrain(g.terms, g.population, g.where);
      for (const Given& g : phase.equations) constrain(g.terms, g.population, g.where);
    }
    for (const Rule& rule : d_.rules)
      for (const RuleTerm& term : rule.terms) constrain(rule.matrix, term, rule.where);
    if (d_.readout.y) {
      const Class y = class_of(d_.readout.y, d_.readout.where);
      if (!options_.layers.empty() && sizes_.units(y) != 0 && sizes_.units(y) != options_.layers.back())
        fail(d_.readout.where, fmt::format("the readout has {} units", sizes_.units(y)),
             fmt::format("{}, as the target", options_.layers.back()));
    }
    write();
  }

 private:
  void set_known(const std::map<Name, std::size_t>& given) {
    for (const Population& p : d_.populations) {
      if (options_.layers.empty()) break;
      if (p.type == Population::Type::input) sizes_.set(populations_[p.name], options_.layers.front());
      if (p.type == Population::Type::target) sizes_.set(populations_[p.name], options_.layers.back());
    }
    for (const auto& [name, units] : given) {
      const auto found = populations_.find(name);
      if (found != populations_.end()) sizes_.set(found->second, units);
    }
    for (const Matrix& m : d_.matrices) {
      const auto [rows, columns] = matrices_[m.name];
      if (m.columns == 1) sizes_.set(columns, 1);
      // the network's own have a layer for each index
      if (m.rows != 0) sizes_.set(rows, m.rows);
      if (m.columns != 0) sizes_.set(columns, m.columns);
    }
  }

  Class class_of(const Expression& e, const Where& where) {
    switch (e.kind()) {
      case Kind::name: {
        const auto found = populations_.find(name_of(e));
        return found == populations_.end() ? scalar : found->second;
      }
      case Kind::call: {
        const Class inner = e.arguments().empty() ? scalar : class_of(e.argument(), where);
        const Function* f = find_function(e.name());
        return f != nullptr && f->one_value ? scalar : inner;
      }
      case Kind::negate:
      case Kind::transpose:
        return class_of(e.argument(), where);
      case Kind::number:
      case Kind::text:
      case Kind::absent:
        return scalar;
      default: {
        const Class a = class_of(e.argument(0), where);
        const Class b = class_of(e.argument(1), where);
        join(a, b, to_text(e.argument(0)), to_text(e.argument(1)), {where.source, e.argument(1).at()});
        return a == scalar ? b : a;
      }
    }
  }

  void join(Class a, Class b, const std::string& first, const std::string& second, const Where& where) {
    if (sizes_.join(a, b)) return;
    fail(where,
         fmt::format("sizes do not fit: {} has {} units, {} has {}", first, sizes_.units(a), second, sizes_.units(b)),
         "populations of one size; M*x with a matrix M between two sizes; sum(x), mean(x) with any");
  }

  void constrain(const std::vector<Term>& terms, const Name& target, const Where& where) {
    const Class own = populations_[target];
    for (const Term& term : terms) {
      const Where here = term.where.source ? term.where : where;
      const Class signal = class_of(term.signal, here);
      if (!term.matrix) {
        join(own, signal, target.in_equations(), to_text(term.signal), here);
        continue;
      }
      auto [rows, columns] = matrices_[term.matrix->name];
      std::string matrix = term.matrix->name.in_equations();
      if (term.matrix->transposed) {
        std::swap(rows, columns);
        matrix += "'";
      }
      if (signal == scalar)
        join(columns, single_, fmt::format("what {} multiplies", matrix), to_text(term.signal), here);
      else
        join(columns, signal, fmt::format("what {} multiplies", matrix), to_text(term.signal), here);
      const std::string product = term.signal.is_number(1) ? matrix : matrix + "*" + to_text(term.signal);
      join(own, rows, target.in_equations(), product, here);
      join(own, class_of(term.factor, here), target.in_equations(), to_text(term.factor), here);
    }
  }

  void constrain(const Name& matrix, const RuleTerm& term, const Where& where) {
    const auto [rows, columns] = matrices_[matrix];
    const auto source = term.where.source ? term.where.source : where.source;
    const auto fit = [&](Class side, const char* what, const Expression& e) {
      const Where here{source, e.at()};
      join(side, class_of(e, here), fmt::format("a {} of {}", what, matrix.in_equations()), to_text(e), here);
    };
    fit(rows, "column", term.post);
    // one unit may stand for all
    if (sizes_.units(class_of(term.factor, where)) != 1) fit(rows, "column", term.factor);
    if (!term.pre.is_number(1)) fit(columns, "row", term.pre);
  }

  void write() {
    for (Population& p : d_.populations) {
      p.units = sizes_.units(populations_[p.name]);
      if (p.units == 0)
        fail(p.where, fmt::format("nothing gives the size of {}", p.name.in_equations()),
             fmt::format("size {} = 20", p.name.in_equations()));
    }
    for (Matrix& m : d_.matrices) {
      const auto [rows, columns] = matrices_[m.name];
      m.rows = sizes_.units(rows);
      m.columns = sizes_.units(columns);
    }
  }

  Description& d_;
  const ExpandOptions& options_;
  Sizes sizes_;
  Class single_ = 0;  // of one unit
  std::map<Name, Class> populations_;
  std::map<Name, std::pair<Class, Class>> matrices_;
};

}  // namespace

void order_matrices(Description& d) {
  std::map<Name, Matrix> known;
  for (const Matrix& m : d.matrices) known.emplace(m.name, m);
  std::vector<Matrix> used;
  const auto use = [&](const Name& name) {
    if (const auto found = known.extract(name); !found.empty()) used.push_back(found.mapped());
  };
  const auto use_terms = [&](const std::vector<Term>& terms) {
    for (const Term& t : terms)
      if (t.matrix) use(t.matrix->name);
  };
  for (const Population& p : d.populations) use_terms(p.terms);
  for (const Phase& phase : d.phases)
    for (const auto* givens : {&phase.set, &phase.equations})
      for (const Given& g : *givens) use_terms(g.terms);
  for (const Rule& rule : d.rules) use(rule.matrix);
  d.matrices = std::move(used);
}

void infer_sizes(Description& description, const ExpandOptions& options, const std::map<Name, std::size_t>& given) {
  Inference(description, options).run(given);
}

}  // namespace dynvert::equations
