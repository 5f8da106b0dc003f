# The page of `dynvert report`. Skipped, with a word, where the program has no plotting library or the machine no Chromium.
function(dynvert_report_test name script)
  add_test(NAME ${name} COMMAND ${DYNVERT_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/python/${script} $<TARGET_FILE:dynvert>
           ${regression} ${CMAKE_CURRENT_BINARY_DIR}/report)
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED regression SKIP_RETURN_CODE 77)
endfunction()
dynvert_report_test("report: the numbers of the page by NumPy and SciPy" check_report.py)
dynvert_report_test("report: the page in Chromium" check_report_page.py)
