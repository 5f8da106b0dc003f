#pragma once

/// The error of everything that a configuration can have wrong.

#include <dynvert/models/error.hpp>
#include <dynvert/models/nearest_name.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// One fault of a configuration. The message reads
///
///     linear.toml:12: model.DI.sovler: unknown key; did you mean "solver"? Allowed here: name, credit, ...
class ConfigError : public Error {
 public:
  struct Data {
    std::string file = {};     ///< the file as it was named, or the text of a --set, --seed or --threads
    std::size_t line = 0;      ///< 1-based; 0: no line can be named
    std::size_t column = 0;    ///< 1-based; 0: likewise
    std::string key = {};      ///< dotted, a model by its name ("model.DI.solver"); empty: the file as a whole
    std::string fault = {};    ///< what is wrong, with what was found
    std::string found = {};    ///< what was found, by itself
    std::string allowed = {};  ///< what is allowed
    std::string nearest = {};  ///< the nearest known key or name; empty: nothing is near
    bool unknown_key = false;  ///< the fault is the key itself
    bool idle_key = false;     ///< the fault is that the key has no effect beside others
  };
  explicit ConfigError(Data data);

  [[nodiscard]] const Data& data() const noexcept { return data_; }

 private:
  Data data_;
};

/// `text` between quotes for a message: control characters shown as escapes, long text cut.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace dynvert
