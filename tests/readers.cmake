# The file as others open it: a sample written by test_sim, read by h5py, xarray (both engines) and Octave.
# dynvert_check_readers(NAME FILE FIXTURE) checks any other file that a test of the fixture FIXTURE writes.
set(DYNVERT_PYTHON /usr/bin/python3 CACHE FILEPATH "Python with numpy, h5py, xarray, netCDF4 and h5netcdf")
find_program(DYNVERT_OCTAVE octave-cli)
set(dynvert_readers_folder ${CMAKE_CURRENT_LIST_DIR})

function(dynvert_check_readers name file fixture)
  add_test(NAME "readers: ${name} in Python"
           COMMAND ${DYNVERT_PYTHON} ${dynvert_readers_folder}/python/check_readers.py ${file})
  add_test(NAME "readers: ${name} in Octave"
           COMMAND ${DYNVERT_OCTAVE} --no-init-file --quiet ${dynvert_readers_folder}/octave/check_reader.m ${file})
  set_tests_properties("readers: ${name} in Python" "readers: ${name} in Octave" PROPERTIES FIXTURES_REQUIRED ${fixture})
endfunction()

foreach(compression 0 4)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/sample-${compression}.h5)
  add_test(NAME "readers: write a sample, compression ${compression}" COMMAND test_sim "[sample]")
  set_tests_properties("readers: write a sample, compression ${compression}" PROPERTIES
                       ENVIRONMENT "DYNVERT_SAMPLE=${file};DYNVERT_SAMPLE_COMPRESSION=${compression}"
                       FIXTURES_SETUP sample_${compression})
  dynvert_check_readers("sample, compression ${compression}" ${file} sample_${compression})
endforeach()
