#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/config/reference.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/registry.hpp>

#include <fstream>
#include <sstream>

namespace dynvert {

namespace {

void update_page(const ConfigRegistry& registry, const std::string& path) {
  std::ostringstream page;
  std::ifstream in(path, std::ios::binary);
  page << in.rdbuf();
  if (!in) throw IoError(path, "cannot be read", "the page with the tables of keys");
  in.close();
  const std::string text = with_key_tables(registry, page.str());
  if (text == page.str()) return;
  std::ofstream to(path, std::ios::binary | std::ios::trunc);
  to << text << std::flush;
  if (!to) throw IoError(path, "cannot be written", "a file that can be changed");
}

}  // namespace

int keys(const KeysArguments& arguments, std::ostream& out) {
  const ConfigRegistry registry = config_registry();
  if (!arguments.update.empty()) {
    update_page(registry, arguments.update);
    return exit_done;
  }
  out << (arguments.markdown ? keys_markdown(registry, arguments.name) : keys_text(registry, arguments.name))
      << std::flush;
  return exit_done;
}

}  // namespace dynvert
