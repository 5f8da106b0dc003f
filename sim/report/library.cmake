# What the page of `dynvert report` is made of becomes strings of the program: the sources beside this file, and the
# plotting library uPlot, which npm fetches into the build folder as package-lock.json says. Without npm or the package
# registry everything else builds, and `dynvert report` says how to get it.
option(DYNVERT_REPORT "Fetch and embed the plotting library of dynvert report (npm)" ON)
find_program(DYNVERT_NPM npm DOC "npm, which fetches the plotting library of dynvert report")
set(report_source ${CMAKE_CURRENT_LIST_DIR})
set(report_build ${PROJECT_BINARY_DIR}/report)
set(report_library ${report_build}/node_modules/uplot)

# Leaves the library in the build folder; sets `fault` where it cannot.
function(dynvert_fetch_report_library)
  if(EXISTS ${report_library}/dist/uPlot.iife.min.js)
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${report_source}/package-lock.json
                            ${report_library}/installed-by.json RESULT_VARIABLE differs OUTPUT_QUIET ERROR_QUIET)
    if(NOT differs)
      return()
    endif()
  endif()
  if(NOT DYNVERT_NPM)
    set(fault "npm is missing" PARENT_SCOPE)
    return()
  endif()
  message(STATUS "dynvert report: fetching uPlot by npm")
  file(REMOVE_RECURSE ${report_build})
  file(COPY ${report_source}/package.json ${report_source}/package-lock.json ${report_source}/.npmrc
       DESTINATION ${report_build})
  # Offline, this gives up after seconds, and is not tried again in this build folder unless asked.
  execute_process(COMMAND ${DYNVERT_NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1
                          --fetch-retry-mintimeout=1000 --fetch-timeout=10000
                  WORKING_DIRECTORY ${report_build} TIMEOUT 60 RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed OR NOT EXISTS ${report_library}/dist/uPlot.iife.min.js)
    file(REMOVE_RECURSE ${report_build}/node_modules)
    set(DYNVERT_REPORT OFF CACHE BOOL "Fetch and embed the plotting library of dynvert report (npm)" FORCE)
    set(fault "npm could not fetch uPlot" PARENT_SCOPE)
    return()
  endif()
  configure_file(${report_source}/package-lock.json ${report_library}/installed-by.json COPYONLY)
endfunction()

set(fault "DYNVERT_REPORT is OFF")
if(DYNVERT_REPORT)
  set(fault "")
  dynvert_fetch_report_library()
endif()
set(library_files)
if(fault)
  message(STATUS "dynvert report will say that it has no plotting library: ${fault}. -DDYNVERT_REPORT=ON tries again")
else()
  set(library_files ${report_library}/dist/uPlot.iife.min.js ${report_library}/dist/uPlot.min.css
                    ${report_library}/LICENSE)
endif()

# In the order in which they use each other.
set(script_files)
foreach(name data text theme chart header curves explorer main)
  list(APPEND script_files ${report_source}/${name}.js)
endforeach()
set(page_files ${report_source}/page.html ${report_source}/page.css)
set(report_sources ${CMAKE_CURRENT_BINARY_DIR}/report_sources.cpp)
string(REPLACE ";" "|" script_list "${script_files}")
string(REPLACE ";" "|" library_list "${library_files}")
add_custom_command(OUTPUT ${report_sources}
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${report_sources} -DPAGE=${report_source}/page.html
          -DSTYLE=${report_source}/page.css "-DSCRIPTS=${script_list}" "-DLIBRARY=${library_list}"
          -P ${report_source}/embed.cmake
  DEPENDS ${page_files} ${script_files} ${library_files} ${report_source}/embed.cmake ${report_source}/library.cmake
  COMMENT "Embedding the page of dynvert report" VERBATIM)
target_sources(dynvert_sim PRIVATE ${report_sources})
