# What inspect, its maps and export say of the example, against NumPy, SciPy and Octave.
set(exported ${CMAKE_CURRENT_BINARY_DIR}/linear_regression.mat)
set(mapped ${CMAKE_CURRENT_BINARY_DIR}/linear_regression_map.h5)
add_test(NAME "export: a MAT-file" COMMAND dynvert export ${regression} -o ${exported} --overwrite)
add_test(NAME "inspect: a stability map"
         COMMAND dynvert inspect ${regression} --map alpha=1e-4:1:log,ratio=0.1:10:log --points 9 -o ${mapped} --overwrite)
set_tests_properties("export: a MAT-file" PROPERTIES FIXTURES_REQUIRED regression FIXTURES_SETUP exported)
set_tests_properties("inspect: a stability map" PROPERTIES FIXTURES_REQUIRED regression FIXTURES_SETUP mapped)
add_test(NAME "export: Octave loads the MAT-file"
         COMMAND ${DYNVERT_OCTAVE} --no-init-file --quiet ${CMAKE_CURRENT_LIST_DIR}/octave/check_export.m
                 ${PROJECT_SOURCE_DIR}/analysis/matlab ${regression} ${exported})
set_tests_properties("export: Octave loads the MAT-file" PROPERTIES FIXTURES_REQUIRED "regression;exported")
add_test(NAME "readers: a stability map in Python"
         COMMAND ${DYNVERT_PYTHON} ${dynvert_readers_folder}/python/check_readers.py ${mapped})
set_tests_properties("readers: a stability map in Python" PROPERTIES FIXTURES_REQUIRED mapped)
dynvert_python_test("export: Python reads the tables" check_csv.py ${regression} $<TARGET_FILE:dynvert>)
dynvert_python_test("inspect: SciPy recomputes what is said of trials, snapshots and maps" check_inspect.py ${regression}
                    $<TARGET_FILE:dynvert>)
add_test(NAME "inspect: NumPy recomputes the points of a grid, settling bands, evaluations and the weights' spectra"
         COMMAND ${DYNVERT_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/python/check_grid.py $<TARGET_FILE:dynvert>)
add_test(NAME "inspect: SciPy recomputes fixed points and spectra of a circuit"
         COMMAND ${DYNVERT_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/python/check_circuit.py $<TARGET_FILE:dynvert>)
