// The credit models, in the order in which they are listed to people.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/registry.hpp>

#include <array>

// A new credit model is one line here: NAME stands for NAME_credit(), which its file defines.
// clang-format off
#define DYNVERT_CREDIT_MODELS(credit) \
  credit(backprop)                    \
  credit(feedback_alignment)          \
  credit(pseudo_backprop)             \
  credit(sequential_inversion)        \
  credit(single_loop_inversion)       \
  credit(repeat_inversion)            \
  credit(concurrent_inversion)
// clang-format on

namespace dynvert {

#define DYNVERT_DECLARE(name) CreditModel name##_credit();
DYNVERT_CREDIT_MODELS(DYNVERT_DECLARE)
#undef DYNVERT_DECLARE

std::span<const CreditModel> credit_models() {
#define DYNVERT_ENTRY(name) name##_credit(),
  static const std::array entries{DYNVERT_CREDIT_MODELS(DYNVERT_ENTRY)};
#undef DYNVERT_ENTRY
  return entries;
}

const CreditModel& credit_model(std::string_view name) { return find_by_name(credit_models(), name, "credit model"); }

}  // namespace dynvert
