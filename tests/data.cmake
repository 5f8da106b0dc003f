# Tasks with data: what the examples do with digits that dynvert draws, and with MNIST where that lies beside the checkout.

set(digits ${CMAKE_CURRENT_BINARY_DIR}/digits.h5)
add_test(NAME "example: digits runs"
         COMMAND dynvert simulate ${PROJECT_SOURCE_DIR}/examples/digits.toml -o ${digits} --overwrite --quiet
                 --set experiment.epochs=1 --set task.samples=100 --set record.evaluate_every=50)
set_tests_properties("example: digits runs" PROPERTIES FIXTURES_SETUP digits)
dynvert_check_readers("digits" ${digits} digits)

add_test(NAME "program: a wrong path of MNIST is an error of the input, and says where it is to be had"
         COMMAND dynvert simulate ${PROJECT_SOURCE_DIR}/examples/mnist_classification.toml -o ${digits}.none --set task.path=/nowhere)
set_tests_properties("program: a wrong path of MNIST is an error of the input, and says where it is to be had"
                     PROPERTIES PASS_REGULAR_EXPRESSION "/nowhere: there is no such folder.*yann.lecun.com")

set(mnist ${PROJECT_SOURCE_DIR}/../shared/data/mnist)
foreach(example mnist_classification_short mnist_autoencoder_short)
  set(name "example: ${example} runs (skipped without ../shared/data/mnist)")
  add_test(NAME ${name}
           COMMAND sh -c "[ -d ${mnist} ] || { echo no MNIST in ${mnist}; exit 77; }; exec $<TARGET_FILE:dynvert> simulate \
${PROJECT_SOURCE_DIR}/examples/${example}.toml -o ${CMAKE_CURRENT_BINARY_DIR}/${example}.h5 --overwrite --quiet \
--set task.path=${mnist} --set task.samples=200 --set task.test_samples=100 --set record.evaluate_every=1 --set experiment.epochs=1")
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()

add_test(NAME "data: the forms of h5py and MATLAB, and what check refuses as simulate does"
         COMMAND ${DYNVERT_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/python/check_data.py $<TARGET_FILE:dynvert>)
