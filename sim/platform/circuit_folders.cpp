#include <dynvert/sim/platform/circuit_folders.hpp>

#include <string>
#include <system_error>

namespace dynvert {

std::vector<std::filesystem::path> circuit_folders() {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    std::error_code code;
    if (fs::is_directory(folder, code)) folders.push_back(folder.lexically_normal());
  };
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  if (!code) {
    if (program.string().starts_with(std::string(DYNVERT_BUILD_TREE) + "/")) add(DYNVERT_SOURCE_CIRCUITS);
    // an installation that was moved is found by where its program is
    add(program.parent_path() / DYNVERT_CIRCUITS_FROM_PROGRAM);
  }
  if (folders.empty()) add(DYNVERT_INSTALLED_CIRCUITS);
  return folders;
}

}  // namespace dynvert
