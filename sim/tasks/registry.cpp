// The tasks, in the order in which they are listed to people.

#include <dynvert/models/registry.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <array>

// A new task is one line here: NAME stands for NAME_task(), which its file defines.
// clang-format off
#define DYNVERT_TASKS(task)  \
  task(linear_teacher)       \
  task(tanh_teacher)         \
  task(mnist_classification) \
  task(mnist_autoencoder)    \
  task(digits)               \
  task(dataset)
// clang-format on

namespace dynvert {

#define DYNVERT_DECLARE(name) TaskKind name##_task();
DYNVERT_TASKS(DYNVERT_DECLARE)
#undef DYNVERT_DECLARE

std::span<const TaskKind> task_kinds() {
#define DYNVERT_ENTRY(name) name##_task(),
  static const std::array entries{DYNVERT_TASKS(DYNVERT_ENTRY)};
#undef DYNVERT_ENTRY
  return entries;
}

const TaskKind& task_kind(std::string_view name) { return find_by_name(task_kinds(), name, "task"); }

}  // namespace dynvert
