#pragma once

/// Where an equation stands, and the error that shows it there:
///
///     kp.toml:14:27: unknown name "detla[1]"; did you mean "delta[1]"?
///         tau_u du[2]/dt = -alpha*u[2] + W[2]*detla[1]
///                                             ^
///       allowed: alpha, delta[1], ..

#include <dynvert/models/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert::equations {

/// A text with equations, and where it begins in a file.
struct Source {
  std::string text;
  std::string file;
  std::size_t line = 1, column = 1;  ///< of its first character, 1-based
};

/// A place in a text. Any two compare equal, so that values compare by what they say and not by where they stand.
struct Where {
  std::shared_ptr<const Source> source = nullptr;  ///< nullptr: made by a program
  std::size_t offset = 0;

  bool operator==(const Where&) const noexcept { return true; }
};

/// A circuit's text is at fault.
class EquationError : public Error {
 public:
  struct Data {
    std::string file = {};
    std::size_t line = 0, column = 0;  ///< 1-based; 0: a program made it
    std::string equation = {};         ///< the line of the text
    std::string fault = {};
    std::string allowed = {};
    std::string nearest = {};  ///< the name that was probably meant; empty: none is near
  };
  /// @param caret  column of the fault within `equation`, 0-based
  EquationError(Data data, std::size_t caret);

  [[nodiscard]] const Data& data() const noexcept { return data_; }

 private:
  Data data_;
};

/// @throws EquationError  always
[[noreturn]] void fail(const Where& where, std::string fault, std::string allowed, std::string nearest = {});

}  // namespace dynvert::equations
