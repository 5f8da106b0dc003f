#pragma once

#include <dynvert/sim/run_file.hpp>
#include <dynvert/sim/sink.hpp>

namespace dynvert {

/// A run's records in a file of the format dynvert-1.
class FileSink final : public Sink {
 public:
  explicit FileSink(RunFile file) : file_(std::move(file)) {}

  std::size_t add_group(const GroupSpec& spec, std::size_t expected_rows) override {
    return file_.add_group(spec, expected_rows).index;
  }
  void append(std::size_t group, const Rows& rows) override { file_.append({group}, rows); }
  void fill_ratio(std::size_t group, const std::string& to, const std::string& from, double divisor) override;
  void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) override {
    file_.set_attribute(object, name, value);
  }
  void commit(std::size_t trials) override { file_.commit(static_cast<std::int64_t>(trials)); }
  void finish(const std::string& status) override { file_.finish(status); }

 private:
  RunFile file_;
};

}  // namespace dynvert
