# Runs of a sweep, in processes of their own, and what is made of them.
add_test(NAME "sweep: the runs of single simulations, stopped and gone on with"
         COMMAND ${python} ${CMAKE_CURRENT_LIST_DIR}/python/check_sweep.py $<TARGET_FILE:dynvert>)
set_tests_properties("sweep: the runs of single simulations, stopped and gone on with" PROPERTIES ENVIRONMENT
                     "PYTHONPATH=${dynvert_package};PYTHONDONTWRITEBYTECODE=1;OPENBLAS_NUM_THREADS=1")
