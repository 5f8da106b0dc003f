#include <dynvert/sim/platform/circuit_folders.hpp>

#include <dlfcn.h>

#include <string>
#include <string_view>
#include <system_error>

namespace dynvert {

namespace {

/// Where this code is, and from there the folder of an installation.
struct Place {
  std::filesystem::path file;
  std::string_view circuits;  ///< from the folder of the file
};

/// The program, or the Python module: a shared library in another program.
Place place_of_code() {
  Dl_info info{};
  std::error_code code;
  if (::dladdr(reinterpret_cast<const void*>(&circuit_folders), &info) != 0 && info.dli_fname != nullptr) {
    const std::filesystem::path library = std::filesystem::absolute(info.dli_fname, code);
    if (!code && library.extension() == ".so") return {library, DYNVERT_CIRCUITS_FROM_MODULE};
  }
  return {std::filesystem::read_symlink("/proc/self/exe", code), DYNVERT_CIRCUITS_FROM_PROGRAM};
}

}  // namespace

std::vector<std::filesystem::path> circuit_folders() {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    std::error_code code;
    if (fs::is_directory(folder, code)) folders.push_back(folder.lexically_normal());
  };
  const Place place = place_of_code();
  if (!place.file.empty()) {
    if (place.file.string().starts_with(std::string(DYNVERT_BUILD_TREE) + "/")) add(DYNVERT_SOURCE_CIRCUITS);
    // an installation that was moved is found by where its program is
    add(place.file.parent_path() / place.circuits);
  }
  if (folders.empty()) add(DYNVERT_INSTALLED_CIRCUITS);
  return folders;
}

}  // namespace dynvert
