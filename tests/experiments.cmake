# Whole experiments, and independent computations of what they record.
function(dynvert_example name fixture)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/${fixture}.h5)
  add_test(NAME "example: ${fixture} runs" COMMAND dynvert simulate ${PROJECT_SOURCE_DIR}/examples/${name}.toml -o ${file}
                                                   --overwrite --quiet ${ARGN})
  set_tests_properties("example: ${fixture} runs" PROPERTIES FIXTURES_SETUP ${fixture})
endfunction()
function(dynvert_check fixture name script)
  add_test(NAME "${name}" COMMAND ${python} ${CMAKE_CURRENT_SOURCE_DIR}/python/${script}
                                  ${CMAKE_CURRENT_BINARY_DIR}/${fixture}.h5 ${ARGN})
  set_tests_properties("${name}" PROPERTIES FIXTURES_REQUIRED ${fixture})
endfunction()

# figure 3g-k as far as a replay in NumPy takes seconds
dynvert_example(nonlinear_regression nonlinear_500 --set experiment.trials=500 --set record.trials=[0,100,499]
                --set record.weights_every=0 --threads 2)
dynvert_check(nonlinear_500 "python: NumPy replays nonlinear regression" replay.py --models BP,PBP,NDI,DI,SDI)
dynvert_check(nonlinear_500 "python: SciPy recomputes the measures of deep and nonlinear loops" check_measures.py --models
              NDI,DI,DI_2,SDI)

dynvert_example(concurrent concurrent)
dynvert_check(concurrent "python: SciPy integrates concurrent trials, which solve the task" check_concurrent.py)

dynvert_example(figure_1_transients figure_1_transients)
dynvert_check(figure_1_transients "python: SciPy integrates the inversions of figure 1" check_transients.py)
# noise has kinks: tighter steps than the example's, so that SciPy's can be told from them
dynvert_example(excitatory_inhibitory excitatory_inhibitory --set dynamics.rtol=1e-9 --set dynamics.atol=1e-12 --set
                experiment.trials=2)
dynvert_check(excitatory_inhibitory "python: SciPy integrates an excitatory-inhibitory pair" check_transients.py)
foreach(fixture concurrent figure_1_transients excitatory_inhibitory)
  dynvert_check_readers("${fixture}" ${CMAKE_CURRENT_BINARY_DIR}/${fixture}.h5 ${fixture})
endforeach()
