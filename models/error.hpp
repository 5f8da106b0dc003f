#pragma once

/// Typed errors. Each carries its data, and its message says: the object, the fault, what is allowed.
/// Nothing in models or analysis prints; who catches decides what to show. sim maps the types to exit codes.

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

namespace dynvert {

/// Root of all errors that dynvert throws.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value that the caller gave is impossible: a shape, a sign, a name.
class ValueError : public Error {
 public:
  /// @param object   what the value belongs to ("projection B2")
  /// @param fault    what is wrong with it ("weights are 10x5")
  /// @param allowed  what is allowed ("10x4: target units x source units")
  ValueError(std::string object, std::string fault, std::string allowed);

  [[nodiscard]] const std::string& object() const noexcept { return object_; }
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  [[nodiscard]] const std::string& allowed() const noexcept { return allowed_; }

 private:
  std::string object_, fault_, allowed_;
};

/// What kind of failure the numbers met. Trials are recorded with these, so a number keeps its meaning.
enum class Fault {
  none = 0,
  diverged = 1,         ///< a state that is not finite, or beyond the divergence limit
  not_finite = 2,       ///< what goes into a trial, or comes out of an algebraic rule, is not finite
  step_limit = 3,       ///< a solver needs more steps than it may take, or smaller ones than there are
  no_steady_state = 4,  ///< none was found
  singular = 5,         ///< there is no unique steady state
  not_stabilised = 6,   ///< feedback that cannot be stabilised
  update = 7,           ///< the weights would not be finite after the trial
  other = 8
};

/// "1 diverged, 2 ..": the numbers in words, for files.
[[nodiscard]] const char* fault_legend();

/// The numbers failed: divergence, a singular system, a loop that cannot be stabilised, a step limit.
class NumericalError : public Error {
 public:
  /// @param object  the circuit, loop or matrix
  /// @param fault   what happened
  /// @param remedy  what the user may try
  /// @param kind    the same as a number
  NumericalError(std::string object, std::string fault, std::string remedy, Fault kind = Fault::other);

  [[nodiscard]] const std::string& object() const noexcept { return object_; }
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }
  [[nodiscard]] Fault kind() const noexcept { return kind_; }

 private:
  std::string object_, fault_, remedy_;
  Fault kind_;
};

/// A trial whose state is not finite or grew past the divergence limit.
class DivergenceError : public NumericalError {
 public:
  struct Data {
    std::string model;       ///< name of the model
    std::size_t trial = 0;   ///< 0-based number of the trial
    std::string loop;        ///< "loop 2": the loop that inverts W2
    std::string population;  ///< the population that left the allowed range
    double time = 0;         ///< time in the loop at which it did, in units of the time constants
    double limit = 0;        ///< divergence_limit
  };
  explicit DivergenceError(Data data);

  [[nodiscard]] const Data& data() const noexcept { return data_; }

 private:
  Data data_;
};

}  // namespace dynvert
