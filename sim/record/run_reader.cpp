#include <dynvert/sim/record/run_reader.hpp>

#include <dynvert/sim/record/run_file.hpp>

#include <utility>

namespace dynvert {

RunReader::RunReader(const std::string& path) : file_(h5::open_file(path)) {
  const auto value = h5::read_attribute(file_, "/", "Conventions");
  const std::string found = value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : "";
  if (found == file_conventions) return;
  if (found.starts_with("dynvert-")) {
    throw IoError(path, "is of the format " + found + ", and this program reads " + file_conventions,
                  "the version of dynvert that wrote it");
  }
  throw IoError(path, std::string("was not written by dynvert: its attribute Conventions ") +
                          (found.empty() ? "is missing" : "is '" + found + "'") + ", not '" + file_conventions + "'");
}

std::vector<std::string> RunReader::models() const {
  return h5::is_group(file_, "/models") ? h5::tree_children(file_, "/models") : std::vector<std::string>();
}

bool RunReader::has(const std::string& path) const { return h5::has(file_, path); }

bool RunReader::is_group(const std::string& path) const { return h5::is_group(file_, path); }

bool RunReader::is_integer(const std::string& dataset) const {
  return h5::open_dataset(file_, dataset).type == h5::Type::int64;
}

std::vector<std::string> RunReader::children(const std::string& group) const {
  if (!h5::is_group(file_, group)) throw IoError(file_.path + ":" + group, "is not a group of the file");
  return h5::tree_children(file_, group);
}

std::vector<Attribute> RunReader::attributes(const std::string& object) const {
  if (!h5::has(file_, object)) throw IoError(file_.path + ":" + object, "is not in the file");
  std::vector<Attribute> result;
  for (const std::string& name : h5::attribute_names(file_, object)) {
    if (auto value = h5::read_attribute(file_, object, name)) result.push_back({name, std::move(*value)});
  }
  return result;
}

std::optional<AttributeValue> RunReader::attribute(const std::string& object, const std::string& name) const {
  return h5::read_attribute(file_, object, name);
}

std::vector<std::size_t> RunReader::shape(const std::string& dataset) const {
  return h5::open_dataset(file_, dataset).shape;
}

h5::Dataset RunReader::open_column(const std::string& dataset) const {
  h5::Dataset opened = h5::open_dataset(file_, dataset);
  if (opened.shape.size() != 1) {
    throw IoError(opened.name, "has " + std::to_string(opened.shape.size()) + " dimensions, expected 1");
  }
  return opened;
}

std::vector<double> RunReader::column(const std::string& dataset) const {
  const h5::Dataset opened = open_column(dataset);
  return h5::read_rows(opened, 0, opened.shape[0]);
}

double RunReader::value(const std::string& dataset, std::size_t row) const {
  return h5::read_rows(open_column(dataset), row, 1).front();
}

std::size_t RunReader::length(const std::string& dataset) const { return open_column(dataset).shape[0]; }

RunReader::Slab RunReader::rows(const std::string& dataset, std::size_t first, std::size_t count) const {
  const h5::Dataset opened = h5::open_dataset(file_, dataset);
  if (opened.shape.empty()) throw IoError(opened.name, "has no dimension, expected one or more");
  Slab slab{opened.shape, h5::read_rows(opened, first, count)};
  slab.shape[0] = count;
  return slab;
}

RunReader::Slab RunReader::part(const std::string& dataset, std::size_t row, std::size_t first,
                                std::size_t count) const {
  const h5::Dataset opened = h5::open_dataset(file_, dataset);
  Slab slab{.shape = {}, .values = h5::read_stretch(opened, row, first, count)};
  slab.shape.assign(opened.shape.begin() + 1, opened.shape.end());
  slab.shape[0] = count;
  return slab;
}

std::vector<std::string> RunReader::axes(const std::string& dataset) const {
  return h5::axis_names(h5::open_dataset(file_, dataset));
}

}  // namespace dynvert
