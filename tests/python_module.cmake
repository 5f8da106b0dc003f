# The Python module of sim/python, where it is built.
if(NOT DYNVERT_PYTHON_MODULE_BUILT)
  return()
endif()
function(dynvert_module_test name script)
  add_test(NAME "module: ${name}" COMMAND ${DYNVERT_PYTHON} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/python/${script} ${ARGN})
  # with threads of OpenBLAS, which NumPy has wherever nobody forbids it
  set_tests_properties("module: ${name}" PROPERTIES ENVIRONMENT "PYTHONPATH=${PROJECT_BINARY_DIR}/python;PYTHONDONTWRITEBYTECODE=1")
endfunction()
dynvert_module_test("simulate has the program's bits, in files and in memory, with Ctrl-C and threads" module_runs.py
                    $<TARGET_FILE:dynvert> ${PROJECT_SOURCE_DIR})
dynvert_module_test("exceptions carry their data, dicts are TOML" module_errors.py $<TARGET_FILE:dynvert> ${PROJECT_SOURCE_DIR})
dynvert_module_test("circuits step by step" module_stepping.py)
dynvert_module_test("pages, doctests and stubs are true" module_docs.py ${PROJECT_SOURCE_DIR})

# what tests/benchmark/python/overhead.py builds and compares with
add_executable(python_overhead EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/benchmark/python/stepping.cpp)
target_link_libraries(python_overhead PRIVATE dynvert_options dynvert::sim fmt::fmt)
