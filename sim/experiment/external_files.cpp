#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/checksum.hpp>

#include <fmt/format.h>

#include <map>
#include <optional>
#include <variant>

namespace dynvert {

namespace {

/// Several models may read one file, and it may be large.
class Checksums {
 public:
  const std::string& of(const std::string& path) {
    const auto found = known_.find(path);
    return found != known_.end() ? found->second : known_.emplace(path, file_sha256(path)).first->second;
  }

 private:
  std::map<std::string, std::string> known_;
};

std::optional<std::string> text_of(const RunFile& file, const ExternalFile& external, const char* what) {
  const auto value = file.attribute(external.object, fmt::format("{}_{}", external.role, what));
  if (!value || !std::holds_alternative<std::string>(*value)) return std::nullopt;
  return std::get<std::string>(*value);
}

}  // namespace

std::set<std::string> external_hdf5_files(const Config& config) {
  std::set<std::string> paths;
  for (const ExternalFile& external : external_files(config)) paths.insert(external.path);
  std::erase_if(paths, [](const std::string& path) { return !h5::has_signature(path); });
  return paths;
}

void note_external_files(const Config& config, Recorder& recorder) {
  Checksums sums;
  for (const auto& [object, role, path] : external_files(config)) {
    recorder.set_attribute(object, role + "_path", path);
    recorder.set_attribute(object, role + "_sha256", sums.of(path));
  }
}

std::vector<std::string> changed_external_files(const Config& config, const RunFile& file) {
  Checksums sums;
  std::vector<std::string> changed;
  for (const ExternalFile& external : external_files(config)) {
    const auto sum = text_of(file, external, "sha256");
    if (!sum || *sum == sums.of(external.path)) continue;
    const std::string path = text_of(file, external, "path").value_or("");
    changed.push_back(fmt::format("the data in {} have the SHA-256 {}, {} had {}", external.path,
                                  sums.of(external.path), path == external.path ? "at the start they" : path, *sum));
  }
  return changed;
}

}  // namespace dynvert
