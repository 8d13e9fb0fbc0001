# `make deb`: a Debian package and a tarball of the release build. DuckDB's library lies in a
# private folder beside the program; every other library is the distribution's and a dependency.
include(GNUInstallDirs)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(stroma_private_folder lib/stroma)

set_target_properties(stroma PROPERTIES INSTALL_RPATH "$ORIGIN/../${stroma_private_folder}")
install(TARGETS stroma DESTINATION bin)
# What is for who uses the program; how it came to be (status, decisions) stays in the source.
file(GLOB user_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/*.md)
list(REMOVE_ITEM user_pages ${PROJECT_SOURCE_DIR}/docs/status.md)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE
  ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${user_pages} DESTINATION share/doc/stroma)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/formats DESTINATION share/doc/stroma)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/package/stroma.service
  DESTINATION lib/systemd/system)
if(DuckDB_LICENSES)  # ours to ship: it came by npm, not from the system
  install(FILES ${DuckDB_LIBRARY} DESTINATION ${stroma_private_folder})
  set(duckdb_license_names LICENSE.duckdb-library LICENSE.duckdb-header)
  foreach(license duckdb_license_name IN ZIP_LISTS DuckDB_LICENSES duckdb_license_names)
    install(FILES ${license} DESTINATION share/doc/stroma RENAME ${duckdb_license_name})
  endforeach()
endif()

set(CPACK_PACKAGE_NAME stroma)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
  "single-cell data: from files and bundles, by SQL, to expression matrices")
set(CPACK_PACKAGE_CONTACT "Stroma maintainers <stroma@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS libdnnl2)  # loaded when used, so not seen among the dependencies
get_filename_component(duckdb_folder ${DuckDB_LIBRARY} DIRECTORY)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${duckdb_folder})
set(CPACK_ARCHIVE_FILE_NAME stroma-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR})
include(CPack)
