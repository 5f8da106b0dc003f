// dynvert config.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <fmt/ostream.h>

namespace dynvert {

int print_config(const ConfigFileArguments& arguments, std::ostream& out, std::ostream& err) {
  const RunReader file(arguments.path);
  const auto text = file.attribute("/", "config");
  if (!text || !std::holds_alternative<std::string>(*text)) {
    throw IoError(arguments.path, "holds no configuration", "a file that dynvert simulate wrote");
  }
  note_incomplete(file, err);
  fmt::print(out, "{}", std::get<std::string>(*text));
  return exit_done;
}

}  // namespace dynvert
