#include <dynvert/sim/record/role.hpp>

#include <array>
#include <regex>
#include <utility>

namespace dynvert {

namespace {

/// Of 0.1.0, which named every population of its models by what it is.
std::string role_by_name(const std::string& name) {
  static const std::array<std::pair<std::regex, const char*>, 8> names{{{std::regex("delta_.*"), "error"},
                                                                        {std::regex("u_[0-9]+"), "controller"},
                                                                        {std::regex("a_[0-9]+"), "forward"},
                                                                        {std::regex("s_[0-9]+"), "inverted"},
                                                                        {std::regex("e"), "output_error"},
                                                                        {std::regex("stimulus|target"), "switch"},
                                                                        {std::regex("B[0-9]*"), "feedback"},
                                                                        {std::regex("[Wb][0-9]+"), "weights"}}};
  for (const auto& [pattern, role] : names) {
    if (std::regex_match(name, pattern)) return role;
  }
  return name == "h_0" ? "input" : name == "t" ? "target" : "auxiliary";
}

}  // namespace

std::string role_of(const RunReader& file, const std::string& model, const std::string& group,
                    const std::string& name) {
  const auto role = file.attribute(model + "/" + group + "/" + name, "role");
  if (role && std::holds_alternative<std::string>(*role)) return std::get<std::string>(*role);
  // a user's circuit has no rule of credit assignment, and names that say nothing
  return file.attribute(model, "credit") ? role_by_name(name) : "auxiliary";
}

bool is_excerpt(const RunReader& file, const std::string& dataset) {
  return file.has(dataset) && file.attribute(dataset, "role") == AttributeValue(std::string(excerpt_role));
}

}  // namespace dynvert
