#include <dynvert/models/equations/circuit_text.hpp>

#include <fmt/format.h>

namespace dynvert::equations {

namespace {

Parameter above_zero(const char* name, double value, const char* meaning) {
  return {.name = name, .default_value = value, .min = 0, .min_excluded = true, .meaning = meaning};
}

std::vector<KindOfTable> with_common(std::vector<KindOfTable> kinds) {
  for (KindOfTable& kind : kinds) {
    kind.parameters.push_back({.name = "scale", .default_value = 1.0, .meaning = "Multiplies the matrix"});
    kind.parameters.push_back(
        {.name = "bias", .default_value = false, .meaning = "Whether it is a vector, a matrix from one"});
  }
  return kinds;
}

}  // namespace

const std::vector<KindOfTable>& weight_kinds() {
  static const std::vector<KindOfTable> kinds = with_common({
      {"network", {}},
      {"feedback", {}},
      {"uniform", {above_zero("half_width", 1, "The weights are drawn from U(-w, w)")}},
      {"normal", {above_zero("standard_deviation", 1, "The weights are drawn from N(0, s^2)")}},
      {"orthogonal", {}},
      {"sparse",
       {above_zero("standard_deviation", 1, "Weights that are not zero are drawn from N(0, s^2)"),
        {.name = "density", .default_value = 0.1, .min = 0, .max = 1, .meaning = "The part that is not zero"}}},
      {"matrix", {}},
      {"file",
       {{.name = "path", .default_value = std::string(), .meaning = "An HDF5 file", .required = true},
        {.name = "group", .default_value = std::string("/"), .meaning = "The group"},
        {.name = "dataset", .default_value = std::string(), .meaning = "The matrix", .required = true}}},
      {"formula", {}},
      {"product", {}},
  });
  return kinds;
}

const std::vector<KindOfTable>& source_kinds() {
  static const std::vector<KindOfTable> kinds = [] {
    std::vector<KindOfTable> list{
        {"step", {}},
        {"ramp", {{.name = "rise", .default_value = 0.0, .min = 0, .units = "time", .meaning = "How long it rises"}}},
        {"sine", {above_zero("period", 1, "The period")}},
    };
    for (KindOfTable& kind : list) {
      kind.parameters.push_back({.name = "amplitude",
                                 .default_value = std::vector<double>{1.0},
                                 .meaning = "One number, or one for each unit"});
      kind.parameters.push_back(
          {.name = "start", .default_value = 0.0, .min = 0, .units = "time", .meaning = "When it starts"});
      kind.parameters.push_back({.name = "duration",
                                 .default_value = 0.0,
                                 .min = 0,
                                 .units = "time",
                                 .meaning = "How long it is on; 0: to the end"});
    }
    return list;
  }();
  return kinds;
}

const std::vector<Parameter>& update_parameters() {
  static const std::vector<Parameter> list{
      {.name = "optimiser",
       .default_value = std::string("sgd"),
       .choices = {"sgd", "momentum", "adam"},
       .meaning = "How changes become steps"},
      {.name = "momentum", .default_value = 0.9, .min = 0, .max = 1, .meaning = "momentum: of the last step"},
      {.name = "beta_1", .default_value = 0.9, .min = 0, .max = 1, .meaning = "adam: of the mean"},
      {.name = "beta_2", .default_value = 0.999, .min = 0, .max = 1, .meaning = "adam: of the square"},
      above_zero("epsilon", 1e-8, "adam: beside the root of the square"),
      {.name = "clip", .default_value = 0.0, .min = 0, .meaning = "Largest Frobenius norm of a change; 0: any"},
      {.name = "clip_delta", .default_value = 0.0, .min = 0, .meaning = "Largest norm of post of a column; 0: any"},
      {.name = "normalise_updates", .default_value = false, .meaning = "Divide each change by its Frobenius norm"},
      {.name = "skip_first", .default_value = false, .meaning = "Trial 0 changes nothing"},
      {.name = "bounds",
       .default_value = std::vector<double>{},
       .meaning = "The least and the greatest weight; empty: none"},
  };
  return list;
}

const std::vector<std::string>& role_names() {
  static const std::vector<std::string> names{"input", "target", "forward", "error", "controller", "output_error"};
  return names;
}

std::string to_text(const Range& range) {
  const std::string text =
      fmt::format("{} = {}..{}", range.variable, compact(to_text(range.first)), compact(to_text(range.last)));
  return range.step ? text + " step " + to_text(range.step) : text;
}

std::string to_text(const Condition& condition) {
  return fmt::format("{} {} {}", to_text(condition.left), condition.equal ? "==" : "!=", to_text(condition.right));
}

namespace {

std::string line_of(const Statement& s) {
  const std::string left = to_text(s.left);
  const std::string right = to_text(s.right);
  switch (s.type) {
    case Statement::Type::moving: {
      std::string tau = s.tau ? to_text(s.tau) : std::string();
      // what stands before d is a product
      const bool is_sum = s.tau && (s.tau.is(Kind::add) || s.tau.is(Kind::subtract) || s.tau.is(Kind::negate));
      if (is_sum) tau = "(" + tau + ")";
      return fmt::format("{}{}d{}/dt = {}", tau, tau.empty() ? "" : " ", left, right);
    }
    case Statement::Type::rule:
      return fmt::format("{} += {}", left, right);
    case Statement::Type::size:
      return fmt::format("size {} = {}", left, right);
    default:
      return fmt::format("{} = {}", left, right);
  }
}

}  // namespace

std::string to_text(const std::vector<Statement>& statements, std::size_t indent) {
  std::string text;
  const std::string margin(indent, ' ');
  for (const Statement& s : statements) {
    if (s.type == Statement::Type::loop) {
      text += fmt::format("{0}for {1}\n{2}{0}end\n", margin, to_text(s.range), to_text(s.body, indent + 2));
    } else if (s.type == Statement::Type::choice) {
      const Statement* branch = &s;
      text += fmt::format("{}if {}\n{}", margin, to_text(s.condition), to_text(s.body, indent + 2));
      // one choice alone in the other branch is `else if`
      while (branch->otherwise.size() == 1 && branch->otherwise[0].type == Statement::Type::choice) {
        branch = &branch->otherwise[0];
        text += fmt::format("{}else if {}\n{}", margin, to_text(branch->condition), to_text(branch->body, indent + 2));
      }
      if (!branch->otherwise.empty()) text += fmt::format("{}else\n{}", margin, to_text(branch->otherwise, indent + 2));
      text += margin + "end\n";
    } else {
      text += margin + line_of(s) + "\n";
    }
  }
  return text;
}

}  // namespace dynvert::equations
