#include <dynvert/sim/platform/io_error.hpp>

#include <utility>

namespace dynvert {

IoError::IoError(std::string path, std::string fault, std::string remedy)
    : Error(path + ": " + fault + (remedy.empty() ? "" : ". Try: " + remedy)),
      path_(std::move(path)),
      fault_(std::move(fault)),
      remedy_(std::move(remedy)) {}

}  // namespace dynvert
