// Names of axes: HDF5's dimension scales.

#include <dynvert/sim/hdf5/call.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>

#include <hdf5_hl.h>

#include <string_view>
#include <vector>

namespace dynvert::h5 {

namespace {

/// Sees to it that the attribute with the dimension scales is what it must be: HDF5 reads it, whatever its type and its
/// length, into memory for one list of references an axis.
void check_scales(const Dataset& dataset) {
  constexpr const char* list = "DIMENSION_LIST";
  if (H5Aexists(dataset.handle.id(), list) <= 0) return;
  const std::string label = dataset.name + "@" + list;
  const Handle attribute = owned(H5Aopen(dataset.handle.id(), list, H5P_DEFAULT), H5Aclose, label, "opening");
  const Handle type = owned(H5Aget_type(attribute.id()), H5Tclose, label, "asking for the type");
  const Handle space = owned(H5Aget_space(attribute.id()), H5Sclose, label, "asking for the shape");
  bool references = H5Tget_class(type.id()) == H5T_VLEN;
  if (references) {
    const Handle element = owned(H5Tget_super(type.id()), H5Tclose, label, "asking for the type");
    references = H5Tequal(element.id(), H5T_STD_REF_OBJ) > 0;
  }
  if (!references || H5Sget_simple_extent_npoints(space.id()) != static_cast<hssize_t>(dataset.shape.size())) {
    throw IoError(label, "does not hold one list of dimension scales for each axis", "copy it again");
  }
  // what is no dataset HDF5 would open, fail to close as one, and leave open, and with it the file
  const Handle lists_type = owned(H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose, label, "preparing");
  std::vector<hvl_t> lists(dataset.shape.size());
  checked(H5Aread(attribute.id(), lists_type.id(), lists.data()), label, "reading");
  bool datasets = true;
  for (const hvl_t& axis : lists) {
    for (std::size_t i = 0; i < axis.len; ++i) {
      H5O_type_t kind = H5O_TYPE_UNKNOWN;
      datasets = datasets &&
                 H5Rget_obj_type2(dataset.handle.id(), H5R_OBJECT, static_cast<hobj_ref_t*>(axis.p) + i, &kind) >= 0 &&
                 kind == H5O_TYPE_DATASET;
    }
  }
  H5Dvlen_reclaim(lists_type.id(), space.id(), H5P_DEFAULT, lists.data());
  if (!datasets) throw IoError(label, "refers to something that is not a dimension scale", "copy it again");
}

}  // namespace

std::vector<std::string> axis_names(const Dataset& dataset) {
  const Quiet quiet;
  check_scales(dataset);
  std::vector<std::string> names(dataset.shape.size());
  const auto take = [](hid_t, unsigned, hid_t scale, void* to) -> herr_t {
    char path[1024] = {};
    if (H5Iget_name(scale, path, sizeof path) <= 0) return 0;
    const std::string_view whole = path;
    *static_cast<std::string*>(to) = whole.substr(whole.rfind('/') + 1);
    return 1;  // the first is enough
  };
  for (std::size_t axis = 0; axis < names.size(); ++axis) {
    checked(H5DSiterate_scales(dataset.handle.id(), static_cast<unsigned>(axis), nullptr, take, &names[axis]),
            dataset.name, "asking for the names of its axes");
  }
  return names;
}

void make_scale(const Dataset& dataset, const std::string& name) {
  const Quiet quiet;
  checked(H5DSset_scale(dataset.handle.id(), name.c_str()), dataset.name, "making it an axis");
}

bool is_attached(const Dataset& dataset, const Dataset& scale, std::size_t axis) {
  const Quiet quiet;
  check_scales(dataset);
  return H5DSis_attached(dataset.handle.id(), scale.handle.id(), static_cast<unsigned>(axis)) > 0;
}

void attach_scale(const Dataset& dataset, const Dataset& scale, std::size_t axis) {
  const Quiet quiet;
  checked(H5DSattach_scale(dataset.handle.id(), scale.handle.id(), static_cast<unsigned>(axis)), dataset.name,
          "naming its axes");
}

}  // namespace dynvert::h5
