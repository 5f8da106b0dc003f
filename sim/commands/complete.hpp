#pragma once

/// What a shell may complete a command line with. `dynvert complete WORDS..` prints it for cmake/dynvert.bash.

#include <ostream>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace dynvert {

/// Prints the candidates for the last of the words, one a line; none where file names are expected.
/// @param words  of the command line so far, without the program; the last is what has been typed of its word
void complete(const CLI::App& app, const std::vector<std::string>& words, std::ostream& out);

}  // namespace dynvert
