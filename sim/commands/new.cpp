// dynvert new: a configuration to begin with.

#include <dynvert/models/error.hpp>
#include <dynvert/models/nearest_name.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/commands/starters.hpp>
#include <dynvert/sim/platform/new_file.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert {

int write_starter(const NewArguments& arguments, std::ostream& out) {
  const auto starters = configuration_starters();
  const auto found = std::ranges::find(starters, arguments.kind, &Starter::kind);
  if (found == starters.end()) {
    std::vector<std::string> kinds;
    for (const Starter& starter : starters) kinds.emplace_back(starter.kind);
    const std::string nearest = nearest_name(arguments.kind, kinds);
    throw ValueError(
        fmt::format("dynvert new {}", arguments.kind),
        fmt::format("there is no such kind{}", nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)),
        fmt::format("{}", fmt::join(kinds, ", ")));
  }
  const std::string output = arguments.output.empty() ? fmt::format("{}.toml", found->kind) : arguments.output;
  NewFile file(output, false, [](const std::string&) { return std::string(); });
  write_at(file.descriptor(), 0, found->text.data(), found->text.size(), output);
  file.publish();
  fmt::print(out, "{0}: {1}\nnext: dynvert check {0}; dynvert simulate {0}; dynvert keys explains every key\n", output,
             found->summary);
  return exit_done;
}

}  // namespace dynvert
