# stroma_headers()
#   With STROMA_HEADERS_ONCE the headers below are read once for all libraries, and once for all tests:
#   a fifth of the compile time. Sources include what they use all the same: other presets do without.
set(stroma_common_headers
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <cstring> <filesystem> <functional>
  <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <utility> <vector>
  <fmt/format.h> <nlohmann/json.hpp>)
function(stroma_headers)
  if(NOT STROMA_HEADERS_ONCE)
    return()
  endif()
  file(WRITE ${CMAKE_BINARY_DIR}/headers.cpp "")
  add_library(stroma_library_headers OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/headers.cpp)
  target_link_libraries(stroma_library_headers PRIVATE stroma_options fmt::fmt)
  target_precompile_headers(stroma_library_headers PRIVATE ${stroma_common_headers})
  if(STROMA_TESTS)
    # A program of its own kind: its code isn't placed as a library's.
    add_executable(stroma_test_headers EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/headers.cpp)
    target_link_libraries(stroma_test_headers PRIVATE stroma_options fmt::fmt GTest::gtest_main)
    target_precompile_headers(stroma_test_headers PRIVATE <gtest/gtest.h> ${stroma_common_headers})
  endif()
endfunction()
# Lets a target use what stroma_headers() made.
function(stroma_reads_headers target from)
  if(STROMA_HEADERS_ONCE)
    target_link_libraries(${target} PRIVATE fmt::fmt)  # its macros are part of them
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()

# stroma_library(object SOURCES disk_store.cpp … USES stroma_base OpenSSL::Crypto)
#   One library per folder; includes are written from src/. OWN_HEADERS: reads its headers by itself, as
#   GCC 12 forgets which of those that were read before are the system's, and warns within them.
# stroma_test(object SOURCES disk_store_test.cpp … USES stroma_object)
#   One test program per folder, its tests found by CTest; TOGETHER: one test of CTest's for all of
#   them, where they share something dear.
function(stroma_library name)
  cmake_parse_arguments(arg "OWN_HEADERS" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(stroma_${name} STATIC ${arg_SOURCES})
  target_include_directories(stroma_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(stroma_${name} PUBLIC stroma_options ${arg_USES} PRIVATE ${arg_PRIVATE_USES})
  if(NOT arg_OWN_HEADERS)
    stroma_reads_headers(stroma_${name} stroma_library_headers)
  endif()
endfunction()

function(stroma_test name)
  if(NOT STROMA_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "TOGETHER" "" "SOURCES;USES" ${ARGN})
  add_executable(${name}_test ${arg_SOURCES})
  # Tests keep their small names to themselves, and are what one builds again and again.
  set_target_properties(${name}_test PROPERTIES UNITY_BUILD OFF)
  target_link_libraries(${name}_test PRIVATE ${arg_USES} GTest::gtest_main)
  # What checks is compiled quicker than what is checked.
  target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
  stroma_reads_headers(${name}_test stroma_test_headers)
  if(arg_TOGETHER)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
    return()
  endif()
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT 300)
endfunction()

# stroma_fuzz(h5ad SOURCES h5ad_fuzz.cpp USES stroma_expression_h5ad_read DAMAGED_COPIES 0)
#   One libFuzzer program, <name>_fuzz, in the preset "fuzz" (fuzz_programs builds all of them). Its
#   seeds: test/corpus/<name>/.
#   In test builds a program <name>_replay_test, which feeds it the seeds, cut ones and damaged ones.
function(stroma_fuzz name)
  cmake_parse_arguments(arg "" "DAMAGED_COPIES" "SOURCES;USES" ${ARGN})
  if(NOT DEFINED arg_DAMAGED_COPIES)
    set(arg_DAMAGED_COPIES 200)
  endif()
  if(STROMA_FUZZ)
    add_executable(${name}_fuzz ${arg_SOURCES})
    target_link_libraries(${name}_fuzz PRIVATE ${arg_USES})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    if(NOT TARGET fuzz_programs)
      add_custom_target(fuzz_programs)
    endif()
    add_dependencies(fuzz_programs ${name}_fuzz)
  endif()
  stroma_test(${name}_replay
    SOURCES ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/test/tools/replay_corpus_test.cpp
    USES stroma_base ${arg_USES})
  if(STROMA_TESTS)
    target_compile_definitions(${name}_replay_test PRIVATE
      STROMA_CORPUS="${PROJECT_SOURCE_DIR}/test/corpus/${name}"
      STROMA_DAMAGED_COPIES=${arg_DAMAGED_COPIES})
  endif()
endfunction()
