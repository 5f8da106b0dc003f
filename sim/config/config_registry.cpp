#include <dynvert/sim/config/config_registry.hpp>

#include <algorithm>

namespace dynvert {

const Choice* find_choice(const std::vector<Choice>& choices, std::string_view name) {
  const auto found = std::ranges::find(choices, name, &Choice::name);
  return found == choices.end() ? nullptr : &*found;
}

bool uses(const Choice* choice, std::string_view key) {
  return choice != nullptr &&
         (std::ranges::find(choice->keys, key) != choice->keys.end() ||
          std::ranges::find(choice->parameters, key, &Parameter::name) != choice->parameters.end());
}

}  // namespace dynvert
