# Runs that are killed, interrupted, resumed, and run into a full disk.
set(dynvert_crash_folder ${CMAKE_CURRENT_LIST_DIR}/python)
add_test(NAME "crash: 100 runs killed at random moments" COMMAND ${python} ${dynvert_crash_folder}/check_crash.py
                                                                 $<TARGET_FILE:dynvert>)
add_test(NAME "crash: resume, a full disk, two at once" COMMAND ${python} ${dynvert_crash_folder}/check_resume.py
                                                                $<TARGET_FILE:dynvert>)
add_test(NAME "check: predicts the file and the memory" COMMAND ${python} ${dynvert_crash_folder}/check_estimate.py
                                                                $<TARGET_FILE:dynvert> ${PROJECT_SOURCE_DIR}/examples)
