#include <dynvert/sim/platform/interruption.hpp>
#include <dynvert/sim/platform/parallel.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace dynvert {

void parallel_for(std::size_t n, std::size_t threads, const std::function<void(std::size_t)>& body) {
  std::vector<std::exception_ptr> failures(n);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < n; i = next++) {
      try {
        body(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  {
    InterruptionScope* const scope = InterruptionScope::current();
    std::vector<std::jthread> others;
    try {
      for (std::size_t k = 1; k < std::min(threads, n); ++k) {
        others.emplace_back([&work, scope] {
          InterruptionScope::enter(scope);
          work();
        });
      }
    } catch (const std::system_error&) {  // no more threads are to be had: those that there are do it
    }
    work();
  }
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace dynvert
