#pragma once

#include <dynvert/models/error.hpp>

#include <string>

namespace dynvert {

/// A file cannot be read or written, or does not hold what it should.
class IoError : public Error {
 public:
  /// @param path    the file, and where it matters the object in it ("B.h5:/B2")
  /// @param fault   what is wrong ("is 10x5, expected 10x4")
  /// @param remedy  what the user may try; empty where nothing sensible can be said
  IoError(std::string path, std::string fault, std::string remedy = {});

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

 private:
  std::string path_, fault_, remedy_;
};

}  // namespace dynvert
