# `cpack -G DEB` in a build directory makes a Debian package of what `cmake --install` puts below /usr. Its dependencies are those
# of the libraries that the program links, so the Python has to be the system's: -DPython3_EXECUTABLE=/usr/bin/python3.
# The package's maintainer is whoever makes it: $DEBFULLNAME and $DEBEMAIL, as Debian's own tools have it, or -DCLUTCH_PACKAGER=.

set(packager "clutch packager <packager@example.org>")
if(NOT "$ENV{DEBEMAIL}" STREQUAL "")
  set(packager "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CLUTCH_PACKAGER "${packager}" CACHE STRING "Maintainer of the Debian package: NAME <ADDRESS>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME clutch)
set(CPACK_PACKAGE_VENDOR "the clutch authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "prefork WSGI application server with an embedded CPython")
set(CPACK_PACKAGE_DESCRIPTION "clutch serves Python WSGI applications over HTTP. A master forks workers;\n\
every worker embeds a CPython of its own. The server around it is C: it reads\n\
requests to their end before Python sees them, and writes responses without\n\
the GIL. No request waits while any worker is free.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # the units have the path of the program in them
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${CLUTCH_PACKAGER}")
set(CPACK_DEBIAN_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS python3)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS python3-venv)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/setup/debian/postinst ${CMAKE_SOURCE_DIR}/setup/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/setup/cmake/PackageCheck.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/setup/cmake/PackageFiles.cmake)
set(CPACK_CLUTCH_SOURCE ${CMAKE_SOURCE_DIR})
set(CPACK_CLUTCH_LIBPYTHON ${python_library})
set(CPACK_CLUTCH_DATE ${CLUTCH_VERSION_DATE})
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
