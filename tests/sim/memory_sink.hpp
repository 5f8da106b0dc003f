#pragma once

#include <dynvert/sim/sink.hpp>

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dynvert::test {

/// A run in memory: every dataset as the bits of its values, so that NaN compares equal to NaN.
class MemorySink final : public Sink {
 public:
  std::size_t add_group(const GroupSpec& spec, std::size_t) override {
    specs.push_back(spec);
    return specs.size() - 1;
  }
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
  void set_attribute(const std::string& object, const std::string& name, const AttributeValue& value) override {
    attributes[object + ":" + name] = value;
  }
  void commit(std::size_t trials) override { committed = trials; }
  void finish(const std::string& s) override { status = s; }

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
  std::size_t committed = 0;
  std::string status;
};

}  // namespace dynvert::test
