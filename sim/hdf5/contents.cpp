#include <dynvert/sim/hdf5/call.hpp>
#include <dynvert/sim/hdf5/contents.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert::h5 {

namespace {

std::string member_names(hid_t type) {
  std::vector<std::string> names;
  const int members = H5Tget_nmembers(type);
  for (int m = 0; m < std::min(members, 8); ++m) {
    char* name = H5Tget_member_name(type, static_cast<unsigned>(m));
    if (name == nullptr) continue;
    names.emplace_back(name);
    H5free_memory(name);
  }
  return fmt::format("{}{}", fmt::join(names, ", "), members > 8 ? ", .." : "");
}

/// MATLAB's name of the class of a variable; empty: not of MATLAB.
std::string matlab_class(hid_t object) {
  if (H5Aexists(object, "MATLAB_class") <= 0) return {};
  const Handle attribute(H5Aopen(object, "MATLAB_class", H5P_DEFAULT), H5Aclose);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose);
  constexpr std::size_t longest = 64;
  const std::size_t size = H5Tget_size(type.id());
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) > 0 || size == 0 || size > longest)
    return {};
  std::string name(size, '\0');
  if (H5Aread(attribute.id(), type.id(), name.data()) < 0) return {};
  name.resize(std::min(name.find('\0'), size));
  return name;
}

}  // namespace

std::string type_text(const Dataset& dataset) {
  const Quiet quiet;
  if (const std::string name = matlab_class(dataset.handle.id()); name == "char") return "text";
  const Handle type = owned(H5Dget_type(dataset.handle.id()), H5Tclose, dataset.name, "asking for the type");
  const std::size_t bits = 8 * H5Tget_size(type.id());
  switch (H5Tget_class(type.id())) {
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type.id()) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_ENUM:
      return is_boolean(type.id()) ? "boolean" : fmt::format("names ({})", member_names(type.id()));
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return fmt::format("compound values ({})", member_names(type.id()));
    case H5T_REFERENCE:
      return "references, as those of a cell array of MATLAB";
    case H5T_VLEN:
      return "lists of different length";
    default:
      return "another type";
  }
}

bool holds_numbers(const Dataset& dataset) {
  const Quiet quiet;
  return is_numeric(dataset.handle.id(), dataset.name) && matlab_class(dataset.handle.id()) != "char";
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  return shape.empty() ? "a single value" : fmt::format("{}", fmt::join(shape, " x "));
}

std::string Item::text() const {
  return is_group ? fmt::format("{} (group)", name) : fmt::format("{} ({}, {})", name, shape_text(shape), type);
}

std::vector<Item> items(const File& file, const std::string& group, std::size_t most) {
  std::vector<Item> found;
  const std::string base = group.ends_with('/') ? group : group + "/";
  for (const std::string& name : children(file, group)) {
    if (found.size() == most) break;
    if (name.starts_with('#')) continue;
    try {
      Item item{.name = name, .is_group = is_group(file, base + name), .type = {}, .shape = {}};
      if (!item.is_group) {
        const Dataset dataset = open_dataset(file, base + name);
        item.type = type_text(dataset);
        item.shape = dataset.shape;
        item.numbers = holds_numbers(dataset);
      }
      found.push_back(std::move(item));
    } catch (const IoError&) {
      // it cannot be what is looked for
    }
  }
  return found;
}

std::string items_text(const std::vector<Item>& items) {
  constexpr std::size_t most = 8;
  if (items.empty()) return "nothing";
  std::vector<std::string> texts;
  for (const Item& item : items) {
    if (texts.size() < most) texts.push_back(item.text());
  }
  const std::size_t more = items.size() - texts.size();
  return fmt::format("{}{}", fmt::join(texts, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace dynvert::h5
