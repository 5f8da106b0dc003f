#pragma once

#include <cstddef>
#include <functional>

namespace dynvert {

/// Calls body(0) .. body(n - 1) on at most `threads` threads, the caller's among them. The first exception by number,
/// not by time, is rethrown after all calls have ended: which one is reported does not depend on the number of threads.
void parallel_for(std::size_t n, std::size_t threads, const std::function<void(std::size_t)>& body);

}  // namespace dynvert
