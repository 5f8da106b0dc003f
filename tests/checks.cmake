# The same numbers on every processor.
add_test(NAME "program: reproducible runs give the same bits on emulated processors"
         COMMAND ${python} ${CMAKE_CURRENT_LIST_DIR}/python/check_reproducible.py $<TARGET_FILE:dynvert>)

# The tests that run with several threads, by themselves: what the thread sanitizer is to see (tests/run.sh).
if(DYNVERT_SANITIZE_THREADS)
  add_executable(test_threads ${CMAKE_CURRENT_LIST_DIR}/sim/experiment/test_learning_experiment.cpp
                 ${CMAKE_CURRENT_LIST_DIR}/sim/experiment/test_transient_experiment.cpp
                 ${CMAKE_CURRENT_LIST_DIR}/sim/solvers/test_batched_solver.cpp)
  target_include_directories(test_threads PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(test_threads PRIVATE dynvert_options dynvert_test_main dynvert::sim fmt::fmt)
  dynvert_precompile(test_threads test_threads <catch2/catch.hpp>)
endif()
