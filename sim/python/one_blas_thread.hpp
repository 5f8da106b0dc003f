#pragma once

namespace dynvert::python {

/// While one of these lives, OpenBLAS has one thread, as dynvert's numbers want it (build_info.hpp); when the last has
/// gone it has as many as before. The library is NumPy's, too.
class OneBlasThread {
 public:
  OneBlasThread();
  ~OneBlasThread();
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;
};

}  // namespace dynvert::python
