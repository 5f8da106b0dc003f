#include <dynvert/sim/platform/file_format.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/tasks/idx.hpp>
#include <dynvert/sim/tasks/labels.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

namespace dynvert {

namespace {

constexpr std::size_t max_dimensions = 4;
constexpr std::size_t max_bytes = std::size_t{1} << 33;  // 8 GiB of values
constexpr std::size_t piece = std::size_t{1} << 18;      // bytes read at a time

constexpr auto copy_again = "copy or download it again";

/// A file, unpacked on the way where it is gzip.
class Unpacked {
 public:
  explicit Unpacked(const std::string& path) : path_(path) {
    std::error_code code;
    const auto status = std::filesystem::status(path, code);
    if (std::filesystem::is_directory(status)) throw IoError(path, "is a folder, not an IDX file");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
      throw IoError(path, "is not a regular file");
    }
    errno = 0;
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) {
      throw IoError(path, fmt::format("cannot be opened: {}", std::strerror(errno)),
                    errno == ENOENT ? "check the name of the file" : "");
    }
    gzbuffer(file_.get(), piece);
  }

  /// @return bytes read, fewer than asked for at the end of the file
  std::size_t read(std::span<std::uint8_t> to) {
    std::size_t done = 0;
    while (done < to.size()) {
      const auto part = static_cast<unsigned>(std::min(piece, to.size() - done));
      const int got = gzread(file_.get(), to.data() + done, part);
      int error = Z_OK;
      const char* why = gzerror(file_.get(), &error);
      if (got < 0 || (error != Z_OK && error != Z_STREAM_END)) {
        throw IoError(path_,
                      error == Z_BUF_ERROR
                          ? "is truncated: its gzip data end too early"
                          : fmt::format("cannot be read ({})", error == Z_ERRNO ? std::strerror(errno) : why),
                      copy_again);
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  void rewind() {
    if (gzrewind(file_.get()) != 0) throw IoError(path_, "cannot be read a second time");
  }

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

std::size_t value_size(int type) {
  switch (type) {
    case 0x08:
    case 0x09:
      return 1;
    case 0x0B:
      return 2;
    case 0x0C:
    case 0x0D:
      return 4;
    case 0x0E:
      return 8;
    default:
      return 0;
  }
}

std::uint64_t big_endian(const std::uint8_t* bytes, std::size_t n) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n; ++i) value = value << 8 | bytes[i];
  return value;
}

double real_value(int type, const std::uint8_t* bytes) {
  const std::uint64_t raw = big_endian(bytes, value_size(type));
  switch (type) {
    case 0x09:
      return static_cast<std::int8_t>(raw);
    case 0x0B:
      return static_cast<std::int16_t>(raw);
    case 0x0C:
      return static_cast<std::int32_t>(raw);
    case 0x0D:
      return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
    case 0x0E:
      return std::bit_cast<double>(raw);
    default:
      return static_cast<double>(raw);
  }
}

IdxHeader read_header(const std::string& path, Unpacked& file) {
  std::array<std::uint8_t, 4> magic{};
  if (file.read(magic) < magic.size()) throw IoError(path, "is too short for an IDX file", copy_again);
  IdxHeader header{.type = magic[2], .shape = {}};
  if (magic[0] != 0 || magic[1] != 0 || value_size(header.type) == 0) {
    if (const auto format = recognise_format(path)) {
      throw IoError(path, "is " + format->name + ", not an IDX file",
                    format->remedy.empty() ? "task.targets_path left out: inputs and targets are in one HDF5 file"
                                           : format->remedy);
    }
    throw IoError(path,
                  fmt::format("is not an IDX file: it begins with {:02x} {:02x} {:02x} {:02x}", magic[0], magic[1],
                              magic[2], magic[3]),
                  "an IDX file, which begins with 00 00, a type (08, 09, 0b, 0c, 0d or 0e) and its number of "
                  "dimensions; uncompressed or gzip");
  }
  const std::size_t dimensions = magic[3];
  if (dimensions < 1 || dimensions > max_dimensions) {
    throw IoError(path, fmt::format("has {} dimensions, expected 1 to {}", dimensions, max_dimensions));
  }
  std::size_t bytes = value_size(header.type);
  for (std::size_t d = 0; d < dimensions; ++d) {
    std::array<std::uint8_t, 4> size{};
    if (file.read(size) < size.size()) throw IoError(path, "ends within its header", copy_again);
    header.shape.push_back(big_endian(size.data(), size.size()));
    if (header.shape.back() == 0) throw IoError(path, "holds no values: one of its dimensions is 0");
    if (bytes > max_bytes / header.shape.back()) {
      throw IoError(path, fmt::format("declares dimensions beyond {} GiB of values", max_bytes >> 30));
    }
    bytes *= header.shape.back();
  }
  return header;
}

/// Sees to it that what follows the header is as long as it should be.
void check_length(const std::string& path, Unpacked& file, const IdxHeader& header) {
  const std::size_t expected = header.samples() * header.units() * value_size(header.type);
  std::vector<std::uint8_t> block(piece);
  std::size_t found = 0;
  while (found <= expected) {
    const std::size_t got = file.read(block);
    found += got;
    if (got < block.size()) break;
  }
  if (found == expected) return;
  throw IoError(
      path,
      fmt::format("holds {} bytes of values, but its header says {} ({} of {} byte{} each)",
                  found > expected ? fmt::format("more than {}", expected) : fmt::format("{}", found), expected,
                  fmt::join(header.shape, " x "), value_size(header.type), value_size(header.type) == 1 ? "" : "s"),
      copy_again);
}

std::size_t wanted(const std::string& path, const IdxHeader& header, std::size_t samples) {
  if (samples > header.samples()) {
    throw IoError(path, fmt::format("holds {} samples, but {} were requested", header.samples(), samples),
                  fmt::format("at most {} in task.samples or task.test_samples", header.samples()));
  }
  return samples == 0 ? header.samples() : samples;
}

/// The values of the first samples, after the whole file has been checked.
struct Contents {
  IdxHeader header;
  std::vector<std::uint8_t> values;
};

Contents read_contents(const std::string& path, std::size_t samples) {
  Unpacked file(path);
  Contents contents{.header = read_header(path, file), .values = {}};
  const IdxHeader& header = contents.header;
  samples = wanted(path, header, samples);
  check_length(path, file, header);
  file.rewind();
  static_cast<void>(read_header(path, file));
  contents.values.resize(samples * header.units() * value_size(header.type));
  if (file.read(contents.values) != contents.values.size()) throw IoError(path, "has changed while it was read");
  return contents;
}

}  // namespace

std::size_t IdxHeader::units() const {
  std::size_t n = 1;
  for (std::size_t d = 1; d < shape.size(); ++d) n *= shape[d];
  return n;
}

IdxHeader read_idx_header(const std::string& path) {
  Unpacked file(path);
  return read_header(path, file);
}

SampleTable read_idx(const std::string& path, std::size_t samples) {
  Contents contents = read_contents(path, samples);
  const std::size_t units = contents.header.units();
  const int type = contents.header.type;
  if (type == 0x08) return SampleTable::bytes(units, std::move(contents.values));
  const std::size_t size = value_size(type);
  arma::mat values(units, contents.values.size() / size / units, arma::fill::none);
  for (arma::uword i = 0; i < values.n_elem; ++i) {
    values[i] = real_value(type, contents.values.data() + i * size);
    if (!std::isfinite(values[i])) {
      throw IoError(path, fmt::format("holds {} at position {} of sample {}, expected finite values", values[i],
                                      i % units, i / units));
    }
  }
  return SampleTable::reals(std::move(values));
}

SampleTable read_idx_labels(const std::string& path, std::size_t samples, std::size_t classes, std::size_t first) {
  const Contents contents = read_contents(path, samples);
  const IdxHeader& header = contents.header;
  const std::size_t size = value_size(header.type), units = header.units();
  const auto value = [&](std::size_t i) { return real_value(header.type, contents.values.data() + i * size); };
  const std::size_t count = contents.values.size() / size / units;
  if (units == 1) {
    std::vector<double> labels(count);
    for (std::size_t i = 0; i < count; ++i) labels[i] = value(i);
    return classes_of_labels(path, labels, classes, first);
  }
  if (units != classes) {
    throw IoError(
        path, fmt::format("holds {} values per sample", units),
        fmt::format("a file of labels: one number per sample, or {}, 1 at the class and 0 at the others", classes));
  }
  OneHot one_hot(path, count, classes, first);
  for (std::size_t i = 0; i < count * units; ++i) one_hot.take(i / units, i % units, value(i));
  return std::move(one_hot).classes();
}

}  // namespace dynvert
