#pragma once

#include <dynvert/sim/record/recorder.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dynvert::test {

/// A run in memory: every dataset as the bits of its values, so that NaN compares equal to NaN.
class MemoryRecorder final : public Recorder {
 public:
  std::size_t add_group(const GroupSpec& spec, std::size_t) override {
    specs.push_back(spec);
    return specs.size() - 1;
  }
  [[nodiscard]] std::optional<std::size_t> continues() const override { return continued; }
  [[nodiscard]] std::size_t rows(std::size_t group) const override {
    const auto found = data.find(specs[group].path + "/" + specs[group].row_dimension);
    return found == data.end() ? 0 : found->second.size();
  }
  [[nodiscard]] std::vector<double> read(std::size_t group, const std::string& dataset, std::size_t first,
                                         std::size_t count) override {
    const auto& values = data.at(specs[group].path + "/" + dataset);
    const auto size = static_cast<std::ptrdiff_t>(values.size() / std::max<std::size_t>(1, rows(group)));
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first) * size;
    return {begin, begin + static_cast<std::ptrdiff_t>(count) * size};
  }
  void truncate(std::size_t group, std::size_t count) override {
    const std::size_t before = rows(group);
    for (const DatasetSpec& d : specs[group].datasets) {
      auto& values = data[specs[group].path + "/" + d.name];
      if (before > 0) values.resize(values.size() / before * count);
    }
  }
  std::size_t add_state(const GroupSpec& spec) override { return add_group(spec, 2); }
  void put_state(std::size_t group, const Rows& row) override { waiting.insert_or_assign(specs[group].path, row); }
  [[nodiscard]] std::optional<Rows> state(std::size_t group) override {
    const auto found = states.find(specs[group].path);
    return found == states.end() ? std::nullopt : std::optional(found->second);
  }
  void drop_state(std::size_t group) override { states.erase(specs[group].path); }
  void append(std::size_t group, const Rows& rows) override {
    for (std::size_t k = 0; k < specs[group].datasets.size(); ++k) {
      auto& values = data[specs[group].path + "/" + specs[group].datasets[k].name];
      values.insert(values.end(), rows.values[k].begin(), rows.values[k].end());
    }
  }
  void fill_ratio(std::size_t group, const std::string& to, const std::string& from, double divisor) override {
    auto values = data[specs[group].path + "/" + from];
    for (double& v : values) v /= divisor;
    data[specs[group].path + "/" + to] = values;
  }
  [[nodiscard]] std::optional<AttributeValue> attribute(const std::string& object,
                                                        const std::string& name) const override {
    const auto found = attributes.find(object + ":" + name);
    return found == attributes.end() ? std::nullopt : std::optional(found->second);
  }
  void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) override {
    attributes[object + ":" + name] = value;
  }
  void commit(std::size_t trials) override {
    committed = trials;
    for (const auto& [path, row] : waiting) states.insert_or_assign(path, row);
    waiting.clear();
  }
  void finish(const std::string& s, std::size_t trials) override {
    commit(trials);
    status = s;
  }

  [[nodiscard]] std::map<std::string, std::vector<std::uint64_t>> bits(const std::string& without = "//") const {
    std::map<std::string, std::vector<std::uint64_t>> result;
    for (const auto& [name, values] : data) {
      if (name.find(without) != std::string::npos) continue;
      for (const double v : values) result[name].push_back(std::bit_cast<std::uint64_t>(v));
    }
    return result;
  }

  std::vector<GroupSpec> specs;
  std::map<std::string, std::vector<double>> data;
  std::map<std::string, AttributeValue> attributes;
  std::map<std::string, Rows> waiting, states;
  std::optional<std::size_t> continued;  // set before a run that is to go on
  std::size_t committed = 0;
  std::string status;
};

}  // namespace dynvert::test
