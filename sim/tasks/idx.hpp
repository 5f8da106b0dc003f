#pragma once

/// IDX files, the format of MNIST (LeCun, Cortes & Burges, http://yann.lecun.com/exdb/mnist), uncompressed or gzip:
///
///     two zero bytes, type, number of dimensions, each dimension (4 bytes), values; all big-endian
///
/// | type | values            | become |
/// |------|-------------------|--------|
/// | 0x08 | unsigned byte     | bytes  |
/// | 0x09 | signed byte       | reals  |
/// | 0x0B | 2-byte integer    | reals  |
/// | 0x0C | 4-byte integer    | reals  |
/// | 0x0D | 4-byte IEEE float | reals  |
/// | 0x0E | 8-byte IEEE float | reals  |
///
/// The first dimension is the sample. Files are read twice: the first pass sees to it that the file holds exactly what
/// its header says, so that no memory is taken for a length that is not there.

#include <dynvert/sim/tasks/dataset.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dynvert {

struct IdxHeader {
  int type = 0;
  std::vector<std::size_t> shape;  ///< samples first

  [[nodiscard]] std::size_t samples() const { return shape.front(); }
  /// values of one sample; 1 where there is no further dimension
  [[nodiscard]] std::size_t units() const;
};

/// Reads the header alone.
/// @throws IoError  no such file, not IDX, an unknown type, dimensions that are zero or beyond reason
[[nodiscard]] IdxHeader read_idx_header(const std::string& path);

/// Reads the first samples of a file. @param samples  how many; 0: all
/// @throws IoError  as read_idx_header; the file is shorter or longer than its header says, has fewer samples, its gzip
///                  data are damaged, or a value is not finite
[[nodiscard]] SampleTable read_idx(const std::string& path, std::size_t samples);

/// Reads labels: one whole number per sample, of any type, or 1 at the class and 0 at the others.
/// @param first  the label of class 0. @throws IoError  likewise, and for labels that are no classes
[[nodiscard]] SampleTable read_idx_labels(const std::string& path, std::size_t samples, std::size_t classes,
                                          std::size_t first = 0);

}  // namespace dynvert
