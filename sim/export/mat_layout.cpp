#include <dynvert/sim/export/mat_layout.hpp>
#include <dynvert/sim/platform/io_error.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dynvert {

namespace {

constexpr std::uint64_t header_bytes = 128;
constexpr std::uint32_t mi_double = 9;
constexpr std::uint32_t mi_matrix = 14;
constexpr std::uint32_t class_struct = 2;
constexpr std::uint32_t class_double = 6;

class Walker {
 public:
  Walker(int descriptor, const std::string& name) : descriptor_(descriptor), name_(name) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) broken();
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  std::vector<MatArray> walk() {
    std::uint64_t at = header_bytes;
    while (at < size_) at = matrix(at);
    if (at != size_) broken();
    return std::move(arrays_);
  }

 private:
  /// A tag: type and length of what follows, which may be in the tag itself.
  struct Element {
    std::uint32_t type;
    std::uint64_t bytes, data, next;
  };

  [[noreturn]] void broken() const {
    throw IoError(name_, "cannot be written: the file on the disk is incomplete", "more room, or another disk");
  }

  void read(std::uint64_t at, void* to, std::size_t bytes) const {
    if (at + bytes > size_) broken();
    if (::pread(descriptor_, to, bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes)) broken();
  }

  [[nodiscard]] Element element(std::uint64_t at) const {
    std::uint32_t tag[2];
    read(at, tag, sizeof tag);
    if (tag[0] >> 16 != 0) return {tag[0] & 0xFFFF, tag[0] >> 16, at + 4, at + 8};
    const std::uint64_t padded = (std::uint64_t{tag[1]} + 7) / 8 * 8;
    if (padded > size_ || at + 8 + padded > size_) broken();
    return {tag[0], tag[1], at + 8, at + 8 + padded};
  }

  /// @return where it ends
  std::uint64_t matrix(std::uint64_t at) {
    const Element whole = element(at);
    if (whole.type != mi_matrix) broken();
    if (whole.bytes == 0) return whole.next;
    const Element flags = element(whole.data);
    std::uint32_t kind = 0;
    read(flags.data, &kind, sizeof kind);
    const Element dimensions = element(flags.next);
    const Element variable_name = element(dimensions.next);
    if ((kind & 0xFF) == class_struct) {
      const Element field_length = element(variable_name.next);
      const Element field_names = element(field_length.next);
      for (std::uint64_t field = field_names.next; field < whole.next;) field = matrix(field);
    } else if ((kind & 0xFF) == class_double) {
      const Element numbers = element(variable_name.next);
      if (numbers.type != mi_double) broken();
      arrays_.push_back({numbers.data, numbers.bytes});
    }
    return whole.next;
  }

  int descriptor_;
  const std::string& name_;
  std::uint64_t size_ = 0;
  std::vector<MatArray> arrays_;
};

}  // namespace

std::vector<MatArray> find_arrays(int descriptor, const std::string& name) { return Walker(descriptor, name).walk(); }

}  // namespace dynvert
