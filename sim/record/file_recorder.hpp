#pragma once

#include <dynvert/sim/record/recorder.hpp>
#include <dynvert/sim/record/run_file.hpp>

namespace dynvert {

/// A run's records in a file of the format dynvert-1.
class FileRecorder final : public Recorder {
 public:
  explicit FileRecorder(RunFile file) : file_(std::move(file)) {}

  std::size_t add_group(const GroupSpec& spec, std::size_t expected_rows) override {
    return file_.add_group(spec, expected_rows).index;
  }
  [[nodiscard]] std::optional<std::size_t> continues() const override {
    return file_.reopened() ? std::optional(static_cast<std::size_t>(file_.committed())) : std::nullopt;
  }
  [[nodiscard]] std::size_t rows(std::size_t group) const override { return file_.rows({group}); }
  [[nodiscard]] std::vector<double> read(std::size_t group, const std::string& dataset, std::size_t first,
                                         std::size_t count) override {
    return file_.read_back(file_.path_of({group}) + "/" + dataset, first, count);
  }
  void truncate(std::size_t group, std::size_t rows) override { file_.truncate({group}, rows); }
  std::size_t add_state(const GroupSpec& spec) override { return file_.add_state(spec).index; }
  void put_state(std::size_t group, const Rows& row) override { file_.put_state({group}, row); }
  [[nodiscard]] std::optional<Rows> state(std::size_t group) override { return file_.state({group}); }
  void drop_state(std::size_t group) override { file_.drop_state({group}); }
  void append(std::size_t group, const Rows& rows) override { file_.append({group}, rows); }
  void fill_ratio(std::size_t group, const std::string& to, const std::string& from, double divisor) override;
  void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) override {
    file_.set_attribute(object, name, value);
  }
  [[nodiscard]] std::optional<AttributeValue> attribute(const std::string& object,
                                                        const std::string& name) const override {
    return file_.attribute(object, name);
  }
  void commit(std::size_t trials) override { file_.commit(static_cast<std::int64_t>(trials)); }
  void finish(const std::string& status, std::size_t trials) override {
    file_.finish(status, static_cast<std::int64_t>(trials));
  }

 private:
  RunFile file_;
};

}  // namespace dynvert
