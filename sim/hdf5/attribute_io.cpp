#include <dynvert/sim/hdf5/call.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/platform/utf8.hpp>

#include <algorithm>
#include <utility>

namespace dynvert::h5 {
namespace {

Handle text_type(const std::string& object) {
  Handle type = owned(H5Tcopy(H5T_C_S1), H5Tclose, object, "making a text type");
  checked(H5Tset_size(type.id(), H5T_VARIABLE), object, "making a text type");
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), object, "making a text type");
  return type;
}

}  // namespace

void write_attribute(const File& file, const std::string& object_path, const std::string& name,
                     const AttributeValue& value) {
  const Quiet quiet;
  const std::string label = inside(file, object_path) + "@" + name;
  const Handle object = open_object(file, object_path);
  const std::string text =
      std::holds_alternative<std::string>(value) ? valid_utf8(std::get<std::string>(value)) : std::string();
  const char* text_pointer = text.c_str();
  Handle type;
  const void* data = nullptr;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    type = owned(H5Tcopy(H5T_STD_I64LE), H5Tclose, label, "preparing");
    data = integer;
  } else if (const auto* real = std::get_if<double>(&value)) {
    type = owned(H5Tcopy(H5T_IEEE_F64LE), H5Tclose, label, "preparing");
    data = real;
  } else {
    type = text_type(label);
    data = &text_pointer;
  }
  Handle attribute;
  if (H5Aexists(object.id(), name.c_str()) > 0) {
    attribute = owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), H5Aclose, label, "opening");
    const Handle old = owned(H5Aget_type(attribute.id()), H5Tclose, label, "asking for the type");
    if (H5Tequal(old.id(), type.id()) <= 0) {
      attribute.reset();
      checked(H5Adelete(object.id(), name.c_str()), label, "replacing");
    }
  }
  if (!attribute.open()) {
    const Handle space = owned(H5Screate(H5S_SCALAR), H5Sclose, label, "preparing");
    attribute = owned(H5Acreate2(object.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                      label, "creating");
  }
  const hid_t memory = std::holds_alternative<std::int64_t>(value) ? H5T_NATIVE_INT64
                       : std::holds_alternative<double>(value)     ? H5T_NATIVE_DOUBLE
                                                                   : type.id();
  checked(H5Awrite(attribute.id(), memory, data), label, "writing");
}

std::optional<AttributeValue> read_attribute(const File& file, const std::string& object_path,
                                             const std::string& name) {
  if (!has(file, object_path)) return std::nullopt;
  const Quiet quiet;
  const std::string label = inside(file, object_path) + "@" + name;
  const Handle object = open_object(file, object_path);
  if (H5Aexists(object.id(), name.c_str()) <= 0) return std::nullopt;
  const Handle attribute = owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), H5Aclose, label, "opening");
  const Handle type = owned(H5Aget_type(attribute.id()), H5Tclose, label, "asking for the type");
  const Handle space = owned(H5Aget_space(attribute.id()), H5Sclose, label, "asking for the shape");
  if (H5Sget_simple_extent_npoints(space.id()) != 1) return std::nullopt;
  switch (H5Tget_class(type.id())) {
    case H5T_INTEGER: {
      std::int64_t value = 0;
      checked(H5Aread(attribute.id(), H5T_NATIVE_INT64, &value), label, "reading");
      return value;
    }
    case H5T_FLOAT: {
      double value = 0;
      checked(H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, &value), label, "reading");
      return value;
    }
    case H5T_STRING: {
      if (H5Tis_variable_str(type.id()) > 0) {
        char* value = nullptr;
        checked(H5Aread(attribute.id(), type.id(), &value), label, "reading");
        const std::string text = value == nullptr ? "" : value;
        H5free_memory(value);
        return text;
      }
      // Text of fixed length, as other programs write it.
      constexpr std::size_t longest = std::size_t{1} << 20;
      const std::size_t length = H5Tget_size(type.id());
      if (length == 0 || length > longest) return std::nullopt;
      std::string text(length, '\0');
      checked(H5Aread(attribute.id(), type.id(), text.data()), label, "reading");
      text.resize(std::min(text.find('\0'), length));
      return text;
    }
    default:
      return std::nullopt;
  }
}

std::vector<std::string> attribute_names(const File& file, const std::string& object_path) {
  const Quiet quiet;
  const Handle object = open_object(file, object_path);
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* to) -> herr_t {
    static_cast<std::vector<std::string>*>(to)->emplace_back(name);
    return 0;
  };
  checked(H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), inside(file, object_path),
          "listing attributes");
  return names;
}

}  // namespace dynvert::h5
