// dynvert plot: the Python package of analysis/python, in the program's own name.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/io_error.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace dynvert {

namespace {

/// Where the package lies beside the program: installed, or in a source folder with its build folder within.
std::filesystem::path package_folder() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (const char* place : {"../share/dynvert/python", "../analysis/python"}) {
    const fs::path folder = (program.parent_path() / place).lexically_normal();
    if (fs::is_regular_file(folder / "dynvert/__init__.py", error)) return folder;
  }
  return {};
}

/// Python's part: the first interpreter on the PATH may be one without the packages, and the system's have them.
constexpr const char* start_package = R"(
import os, sys
try:
    import dynvert.__main__ as program
    import matplotlib
except ImportError as error:
    system = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(system) and os.access(system, os.X_OK):
        os.execv(system, [system] + sys.orig_argv[1:])
    print(f"dynvert: plot: {sys.executable}: {error}. It takes numpy, h5py, xarray and matplotlib: "
          "apt-get install python3-numpy python3-h5py python3-xarray python3-matplotlib, or pip install of these",
          file=sys.stderr)
    sys.exit(4)
sys.exit(program.main(sys.argv[1:], program="dynvert"))
)";

}  // namespace

int plot(const std::vector<std::string>& words) {
  const std::string folder = package_folder();
  if (!folder.empty()) {
    const char* const before = std::getenv("PYTHONPATH");
    ::setenv("PYTHONPATH", (before != nullptr && *before != '\0' ? folder + ":" + before : folder).c_str(), 1);
  }
  std::vector<std::string> command{"python3", "-c", start_package, "plot"};
  command.insert(command.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  for (std::string& word : command) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp("python3", pointers.data());
  ::execv("/usr/bin/python3", pointers.data());
  throw IoError("dynvert plot", std::string("python3 cannot be started: ") + std::strerror(errno),
                "apt-get install python3 python3-numpy python3-h5py python3-xarray python3-matplotlib");
}

}  // namespace dynvert
