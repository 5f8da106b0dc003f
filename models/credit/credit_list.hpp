#pragma once

/// The functions that credit.cpp registers, one a model file.

#include <dynvert/models/credit/credit.hpp>

namespace dynvert {

[[nodiscard]] CreditModel backprop();
[[nodiscard]] CreditModel feedback_alignment();
[[nodiscard]] CreditModel pseudo_backprop();
[[nodiscard]] CreditModel sequential_inversion();
[[nodiscard]] CreditModel single_loop_inversion();
[[nodiscard]] CreditModel repeat_inversion();
[[nodiscard]] CreditModel concurrent_inversion();

}  // namespace dynvert
