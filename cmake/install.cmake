# find_package(dynvert) gives dynvert::models, dynvert::analysis and dynvert::sim.
include(CMakePackageConfigHelpers)

install(TARGETS dynvert_models dynvert_analysis dynvert_sim EXPORT dynvertTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS dynvert RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# header by header: folders without any are not made
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/models/*.hpp
     ${PROJECT_SOURCE_DIR}/analysis/*.hpp ${PROJECT_SOURCE_DIR}/sim/*.hpp)
list(FILTER headers EXCLUDE REGEX "toml_tree\\.hpp$|^sim/python/")
foreach(header ${headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dynvert/${folder})
endforeach()

# The pages and the examples, as they lie here: their links lead on.
foreach(page README.md CHANGELOG.md LICENSE CITATION.cff CONTRIBUTING.md)
  install(FILES ${PROJECT_SOURCE_DIR}/${page} DESTINATION ${CMAKE_INSTALL_DOCDIR})
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN "*.toml" PATTERN "gallery" EXCLUDE)

# The readers: PYTHONPATH=PREFIX/share/dynvert/python, addpath PREFIX/share/dynvert/matlab.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/analysis/python/dynvert DESTINATION ${CMAKE_INSTALL_DATADIR}/dynvert/python
        FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/analysis/matlab/ DESTINATION ${CMAKE_INSTALL_DATADIR}/dynvert/matlab
        FILES_MATCHING PATTERN "*.m")

# where bash looks for the completion of a command
install(FILES ${CMAKE_CURRENT_LIST_DIR}/dynvert.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME dynvert)

# The models as files of equations.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/circuits DESTINATION ${CMAKE_INSTALL_DATADIR}/dynvert
        FILES_MATCHING PATTERN "*.toml")

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/dynvert)
install(EXPORT dynvertTargets NAMESPACE dynvert:: DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/dynvertConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/dynvertConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dynvertConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dynvertConfig.cmake ${PROJECT_BINARY_DIR}/dynvertConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake DESTINATION ${package})
