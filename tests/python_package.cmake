# The Python package of analysis/python and the functions of analysis/matlab, on a run of linear_regression.toml (the fixture
# `regression`, in ${regression}) and on one of every kind of loop.
set(dynvert_package ${PROJECT_SOURCE_DIR}/analysis/python)
set(dynvert_loops ${CMAKE_CURRENT_BINARY_DIR}/loops.h5)
add_test(NAME "package: write a run of every kind of loop"
         COMMAND dynvert simulate ${CMAKE_CURRENT_LIST_DIR}/python/loops.toml -o ${dynvert_loops} --overwrite --quiet)
set(dynvert_grid ${CMAKE_CURRENT_BINARY_DIR}/grid.h5)
add_test(NAME "package: write inversions over a grid"
         COMMAND dynvert simulate ${CMAKE_CURRENT_LIST_DIR}/python/grid.toml -o ${dynvert_grid} --overwrite --quiet)
set_tests_properties("package: write a run of every kind of loop" "package: write inversions over a grid" PROPERTIES
                     FIXTURES_SETUP loops)

# dynvert_package_test(NAME SCRIPT ARGUMENTS..) runs a script of tests/python that imports the package
function(dynvert_package_test name script)
  add_test(NAME "package: ${name}" COMMAND ${DYNVERT_PYTHON} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/python/${script} ${ARGN})
  set_tests_properties("package: ${name}" PROPERTIES FIXTURES_REQUIRED "regression;loops" ENVIRONMENT
                       "PYTHONPATH=${dynvert_package};PYTHONDONTWRITEBYTECODE=1;OPENBLAS_NUM_THREADS=1")
endfunction()
dynvert_package_test("opens files and refuses others" package_reading.py ${regression})
dynvert_package_test("numbers are the file's, the program's and SciPy's" package_numbers.py ${regression} ${dynvert_loops}
                     ${dynvert_grid} $<TARGET_FILE:dynvert>)
dynvert_package_test("files of 0.1.0 read as those of today" package_old_files.py ${CMAKE_CURRENT_LIST_DIR}/data/0.1.0
                     $<TARGET_FILE:dynvert>)
dynvert_package_test("draws within bounded memory" package_plots.py ${regression} ${dynvert_loops})

add_test(NAME "package: MATLAB functions in Octave"
         COMMAND ${DYNVERT_OCTAVE} --no-init-file --quiet ${CMAKE_CURRENT_LIST_DIR}/octave/check_package.m
                 ${PROJECT_SOURCE_DIR}/analysis/matlab ${regression})
set_tests_properties("package: MATLAB functions in Octave" PROPERTIES FIXTURES_REQUIRED regression)
add_test(NAME "package: MATLAB functions and files of 0.1.0"
         COMMAND ${DYNVERT_OCTAVE} --no-init-file --quiet ${CMAKE_CURRENT_LIST_DIR}/octave/check_old_files.m
                 ${PROJECT_SOURCE_DIR}/analysis/matlab ${CMAKE_CURRENT_LIST_DIR}/data/0.1.0)

dynvert_package_test("the gallery" check_gallery.py ${PROJECT_SOURCE_DIR} $<TARGET_FILE:dynvert> ${regression})
