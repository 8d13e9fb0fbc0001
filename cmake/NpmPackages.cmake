# npm_packages(SOURCE TARGET): the packages of SOURCE/package-lock.json, installed in the folder
# TARGET, which every preset shares.
function(npm_packages source target)
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/tools/npm_ci ${CMAKE_SOURCE_DIR}/${source} ${target}
    RESULT_VARIABLE failed
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output)
  if(failed)
    message(FATAL_ERROR "The npm packages of ${source} can't be installed:\n${output}")
  endif()
endfunction()
