# What every target of the project is compiled with.
add_library(dynvert_options INTERFACE)
target_compile_options(dynvert_options INTERFACE -Wall -Wextra -Wconversion -Wshadow
                       $<$<BOOL:${DYNVERT_WERROR}>:-Werror>)
if(DYNVERT_SANITIZE)
  target_compile_options(dynvert_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
  target_link_options(dynvert_options INTERFACE -fsanitize=address,undefined)
endif()
if(DYNVERT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "DYNVERT_FUZZ needs Clang: -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14")
  endif()
  # coverage alone: tests link the same objects as the harnesses
  target_compile_options(dynvert_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(dynvert_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(DYNVERT_COVERAGE)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "DYNVERT_COVERAGE needs Clang: -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14")
  endif()
  # Counts are not atomic, which would take ten times as long: threads may lose some of a line's many, which is no matter.
  target_compile_options(dynvert_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(dynvert_options INTERFACE -fprofile-instr-generate)
endif()
if(DYNVERT_SANITIZE_THREADS)
  target_compile_options(dynvert_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(dynvert_options INTERFACE -fsanitize=thread)
endif()

# Two ways to parse large headers seldom. DYNVERT_UNITY compiles each room (a folder of sources) as one file: the least
# work for a whole build. DYNVERT_PRECOMPILE precompiles the headers and leaves each file by itself: what an edit
# rebuilds is little, and that each file compiles alone is proven, but for the headers named here.
function(dynvert_precompile target)
  if(DYNVERT_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE <armadillo> <fmt/format.h> <functional> <string> <vector> ${ARGN})
  endif()
endfunction()

function(dynvert_unite target)
  if(NOT DYNVERT_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    cmake_path(GET source PARENT_PATH room)
    cmake_path(RELATIVE_PATH room BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    string(REPLACE "/" "_" room "${room}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${room})
  endforeach()
endfunction()

# A floor is a static library whose sources are the folder's files; a floor links the floors below it.
function(dynvert_floor name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$|/kernels[a-z_]*_isa\\.cpp$")
  if(DYNVERT_SANITIZE_THREADS)
    # no test of threads links the commands: a quarter of the time of that build
    list(FILTER sources EXCLUDE REGEX "/(commands|inspect|report|export|sweep)/")
  endif()
  add_library(dynvert_${name} STATIC ${sources})
  add_library(dynvert::${name} ALIAS dynvert_${name})
  set_target_properties(dynvert_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(dynvert_${name} SYSTEM INTERFACE
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(dynvert_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  target_link_libraries(dynvert_${name} PRIVATE $<BUILD_INTERFACE:dynvert_options>)
  target_compile_features(dynvert_${name} PUBLIC cxx_std_20)
  dynvert_unite(dynvert_${name})
  if(NOT DYNVERT_UNITY)
    dynvert_precompile(dynvert_${name})
  endif()
endfunction()
