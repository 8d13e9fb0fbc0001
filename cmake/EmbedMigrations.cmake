# stroma_migrations(<target> <part> FILES <schema/…/0001_x.sql> …)
#   Compiles the SQL scripts into the target as std::span<const sql::Migration>
#   stroma::<part>::migrations(), numbered in the order given.
function(stroma_migrations target part)
  cmake_parse_arguments(arg "" "" "FILES" ${ARGN})
  set(number 0)
  set(entries "")
  foreach(file IN LISTS arg_FILES)
    math(EXPR number "${number} + 1")
    set(path ${PROJECT_SOURCE_DIR}/schema/${file})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(READ ${path} script)
    string(APPEND entries "    {${number}, R\"sql(${script})sql\"},\n")
  endforeach()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${part}_migrations.cpp)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT [=[
#include <span>

#include "sql/migrations.h"

namespace stroma::@part@ {

std::span<const sql::Migration> migrations();
std::span<const sql::Migration> migrations() {
    static constexpr sql::Migration all[] = {
@entries@    };
    return all;
}

}  // namespace stroma::@part@
]=])
  target_sources(${target} PRIVATE ${output})
endfunction()
