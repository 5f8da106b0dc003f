#pragma once

/// Files as bytes.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace dynvert::test {

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// @return the path
inline std::string write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  return path;
}

}  // namespace dynvert::test
