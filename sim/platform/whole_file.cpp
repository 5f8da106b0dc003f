#include <dynvert/sim/platform/new_file.hpp>
#include <dynvert/sim/platform/whole_file.hpp>

#include <fstream>

namespace dynvert {

void write_whole_file(const std::string& path, std::string_view contents, bool overwrite, std::string_view signature) {
  NewFile output(path, overwrite, [&](const std::string& there) {
    std::string start(signature.size(), '\0');
    std::ifstream(there, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
    return std::string(start == signature ? "" : "was not written by this command");
  });
  write_at(output.descriptor(), 0, contents.data(), contents.size(), path);
  output.publish();
}

}  // namespace dynvert
