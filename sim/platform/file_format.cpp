#include <dynvert/sim/platform/file_format.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

namespace dynvert {

namespace {

constexpr std::size_t head_size = 512;

/// A table of numbers as text: printable, with a separator and a digit.
bool is_text_table(std::string_view head) {
  const auto printable = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  };
  return std::ranges::all_of(head, printable) && head.find_first_of(",;\t ") != std::string_view::npos &&
         head.find_first_of("0123456789") != std::string_view::npos &&
         head.find_first_of("[{<=") == std::string_view::npos;
}

}  // namespace

std::optional<FileFormat> recognise_format(std::span<const char> bytes) {
  const std::string_view head(bytes.data(), bytes.size());
  const auto begins = [&](std::string_view with) { return head.starts_with(with); };
  if (begins("\x89HDF\r\n\x1a\n")) return FileFormat{"an HDF5 file", ""};
  if (begins("MATLAB 5.0 MAT-file")) {
    return FileFormat{"a MAT-file of version 7 or older",
                      "in MATLAB load it and save it again with save(\"data.mat\", \"x\", \"labels\", \"-v7.3\")"};
  }
  if (begins("PK\x03\x04")) {
    return FileFormat{"a zip archive, such as NumPy's .npz",
                      "in Python a = numpy.load(\"data.npz\"), then with h5py.File(\"data.h5\", \"w\") as f: "
                      "f[\"x\"] = a[\"x\"]"};
  }
  if (begins("\x93NUMPY")) {
    return FileFormat{"a NumPy array (.npy)",
                      "in Python with h5py.File(\"data.h5\", \"w\") as f: f[\"x\"] = numpy.load(\"data.npy\")"};
  }
  if (begins("CDF\x01") || begins("CDF\x02")) return FileFormat{"a netCDF file of version 3", "nccopy -k nc4 IN OUT"};
  if (begins(std::string_view("\0\0\x08", 3)) || begins(std::string_view("\0\0\x0D", 3)))
    return FileFormat{"an IDX file", "task.targets_path, the IDX file of the targets, beside task.path"};
  if (begins("\x1f\x8b")) {
    return FileFormat{"a gzip file", "gunzip; IDX files may stay packed, with task.targets_path beside task.path"};
  }
  if (is_text_table(head)) {
    return FileFormat{"a text file, such as a CSV table",
                      "in Python a = numpy.loadtxt(\"data.csv\", delimiter=\",\"), then with h5py.File(\"data.h5\", "
                      "\"w\") as f: f[\"x\"] = a[:, :-1]; f[\"labels\"] = a[:, -1]"};
  }
  return std::nullopt;
}

std::optional<FileFormat> recognise_format(const std::string& path) {
  std::array<char, head_size> head{};
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), head.size());
  return recognise_format(std::span<const char>(head.data(), static_cast<std::size_t>(in.gcount())));
}

}  // namespace dynvert
