#include <dynvert/sim/record/file_layout.hpp>
#include <dynvert/sim/record/run_size.hpp>

#include <algorithm>

namespace dynvert {
namespace {

/// The program with its libraries, and the root of a file, measured (Debian 12).
constexpr double program_bytes = 22.5e6, root_bytes = 20e3;

/// What a block of quick trials leaves before anybody looks at how much waits, measured.
constexpr double max_of_block = 2 << 20;

}  // namespace

void RunSize::add(const GroupSpec& group, std::size_t rows, std::size_t rows_at_most) {
  const StoredSize size = stored_size(group, rows, rows_at_most);
  file_ += size.file;
  automatic_ += stored_size(group, rows_at_most, rows_at_most).file - size.file;
  buffers_ += size.memory;
  waiting_ += static_cast<double>(rows * values_in_row(group) * sizeof(double));
}

void RunSize::add_at_once(const GroupSpec& group, std::size_t rows) {
  const StoredSize size = stored_size(group, rows, rows);
  file_ += size.file;
  buffers_ += size.memory;
}

void RunSize::add_state(const GroupSpec& group) { file_ += stored_state_size(group).file; }

Estimate RunSize::estimate() const {
  // vectors that grow have up to twice the room that they need, and while they move there are two of them
  const double waiting = 2.25 * std::min(waiting_, max_waiting + max_of_block);
  const double held = std::min(buffers_ + rewritten_ * sizeof(double), static_cast<double>(max_held));
  const double memory = program_bytes + buffers_ + values_ * sizeof(double) + waiting + held;
  return {.memory_bytes = static_cast<std::size_t>(memory),
          .file_bytes = static_cast<std::size_t>(root_bytes + file_),
          .automatic_bytes = static_cast<std::size_t>(automatic_)};
}

}  // namespace dynvert
