#include <dynvert/sim/python/one_blas_thread.hpp>

#include <cblas.h>

#include <cstddef>
#include <mutex>

namespace dynvert::python {

namespace {

/// The number of threads is OpenBLAS's own, one for the process.
struct BlasThreads {
  std::mutex mutex;
  std::size_t users = 0;
  int before = 1;
};
BlasThreads blas_threads;

}  // namespace

OneBlasThread::OneBlasThread() {
  const std::lock_guard lock(blas_threads.mutex);
  if (blas_threads.users++ == 0) blas_threads.before = openblas_get_num_threads();
  if (blas_threads.before != 1) openblas_set_num_threads(1);
}

OneBlasThread::~OneBlasThread() {
  const std::lock_guard lock(blas_threads.mutex);
  if (--blas_threads.users == 0 && blas_threads.before != 1) openblas_set_num_threads(blas_threads.before);
}

}  // namespace dynvert::python
