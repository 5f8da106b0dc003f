# All of them are Debian 12 packages; tests/run.sh installs what is missing. This file is also part of the installed
# package configuration, so it only finds and wraps.
include(CMakeFindDependencyMacro)
find_dependency(Boost 1.74)
find_dependency(fmt)
find_dependency(tomlplusplus)
find_dependency(PkgConfig)
find_dependency(HDF5 COMPONENTS C HL)
if(NOT TARGET dynvert::openblas)
  # OpenBLAS itself rather than Debian's libblas alternative: the number of its threads is set by name.
  pkg_check_modules(DYNVERT_OPENBLAS REQUIRED IMPORTED_TARGET openblas)
  add_library(dynvert::openblas ALIAS PkgConfig::DYNVERT_OPENBLAS)
endif()
if(NOT TARGET dynvert::nettle)
  pkg_check_modules(DYNVERT_NETTLE REQUIRED IMPORTED_TARGET nettle)
  add_library(dynvert::nettle ALIAS PkgConfig::DYNVERT_NETTLE)
endif()
find_dependency(ZLIB)
find_dependency(Threads)
