# DuckDB::DuckDB, the C API only: a system DuckDB (or DUCKDB_ROOT) first, else the library and the
# header from npm by the lockfile in cmake/duckdb. Sets DuckDB_LIBRARY and DuckDB_LICENSES.
find_path(DuckDB_INCLUDE_DIR duckdb.h HINTS ${DUCKDB_ROOT}/include ${DUCKDB_ROOT})
find_library(DuckDB_LIBRARY duckdb HINTS ${DUCKDB_ROOT}/lib ${DUCKDB_ROOT})

set(duckdb_dir ${CMAKE_SOURCE_DIR}/build/duckdb)
if(NOT DuckDB_INCLUDE_DIR OR NOT DuckDB_LIBRARY)
  # One copy serves every preset and every checkout's build folder beside each other.
  include(NpmPackages)
  npm_packages(cmake/duckdb ${duckdb_dir})
  # Only the C header: beside it lie private C++ headers of another version.
  file(COPY ${duckdb_dir}/node_modules/duckdb/src/duckdb/src/include/duckdb.h
       DESTINATION ${duckdb_dir}/include)
  set(DuckDB_INCLUDE_DIR ${duckdb_dir}/include CACHE PATH "" FORCE)
  set(DuckDB_LIBRARY ${duckdb_dir}/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so CACHE FILEPATH "" FORCE)
  set(DuckDB_LICENSES ${duckdb_dir}/node_modules/@duckdb/node-bindings-linux-x64/LICENSE
      ${duckdb_dir}/node_modules/duckdb/LICENSE CACHE STRING "" FORCE)
endif()

# Said by stroma --version.
if(EXISTS ${duckdb_dir}/package.json)
  file(READ ${duckdb_dir}/package.json duckdb_package)
  string(JSON DuckDB_VERSION GET "${duckdb_package}" dependencies "@duckdb/node-bindings-linux-x64")
else()
  set(DuckDB_VERSION "of the system")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR)
if(NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES
    IMPORTED_LOCATION ${DuckDB_LIBRARY}
    IMPORTED_NO_SONAME TRUE
    INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
