#pragma once

#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/commands/command_line.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace dynvert::test {

struct Outcome {
  int code;
  std::string out, err;
};

/// The program, without its name: {"inspect", "out.h5"}.
inline Outcome dynvert_run(std::vector<std::string> words) {
  words.insert(words.begin(), "dynvert");
  std::vector<const char*> argv;
  for (const auto& w : words) argv.push_back(w.c_str());
  std::ostringstream out;
  std::ostringstream err;
  const int code = run_command_line(static_cast<int>(argv.size()), argv.data(), out, err);
  return {code, out.str(), err.str()};
}

/// @return the path of the file
inline std::string write(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  return write_text(folder / name, text);
}

}  // namespace dynvert::test
