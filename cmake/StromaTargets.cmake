# stroma_library(object SOURCES disk_store.cpp … USES stroma_base OpenSSL::Crypto)
#   One library per folder; includes are written from src/.
# stroma_test(object SOURCES disk_store_test.cpp … USES stroma_object)
#   One test program per folder, its tests found by CTest; TOGETHER: one test of CTest's for all of
#   them, where they share something dear.
function(stroma_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(stroma_${name} STATIC ${arg_SOURCES})
  target_include_directories(stroma_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(stroma_${name} PUBLIC stroma_options ${arg_USES} PRIVATE ${arg_PRIVATE_USES})
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
