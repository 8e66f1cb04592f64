# llhttp, the HTTP parser, as llhttp::llhttp (only csrc/http links it). Sets CLUTCH_LLHTTP_VERSION.

set(llhttp_least 9.2.1)
set(llhttp_advice "Install libllhttp-dev ${llhttp_least} or newer: setup/dependencies does it on Debian 12 and 13. "
  "One that is installed elsewhere is found with -DCMAKE_PREFIX_PATH=.")

# The name of the target has changed over the versions and with how the library was built.
find_package(llhttp CONFIG QUIET)
unset(llhttp_target)
foreach(name llhttp::llhttp_shared llhttp::llhttp llhttp::llhttp_static)
  if(TARGET ${name} AND NOT llhttp_target)
    set(llhttp_target ${name})
  endif()
endforeach()
if(NOT llhttp_target)
  message(FATAL_ERROR "llhttp, the HTTP parser, was not found. " ${llhttp_advice})
endif()

# The package says no version of its own; the header does.
get_target_property(llhttp_include ${llhttp_target} INTERFACE_INCLUDE_DIRECTORIES)
find_file(llhttp_header llhttp.h PATHS ${llhttp_include} /usr/include NO_DEFAULT_PATH NO_CACHE)
if(NOT llhttp_header)
  message(FATAL_ERROR "llhttp's library is there, its header llhttp.h is not (looked in ${llhttp_include}). " ${llhttp_advice})
endif()
set(CLUTCH_LLHTTP_VERSION "")
foreach(part MAJOR MINOR PATCH)
  file(STRINGS ${llhttp_header} line REGEX "^#define LLHTTP_VERSION_${part} +[0-9]+")
  if(NOT line MATCHES "([0-9]+)$")
    message(FATAL_ERROR "${llhttp_header} does not say its LLHTTP_VERSION_${part}. " ${llhttp_advice})
  endif()
  list(APPEND CLUTCH_LLHTTP_VERSION ${CMAKE_MATCH_1})
endforeach()
list(JOIN CLUTCH_LLHTTP_VERSION "." CLUTCH_LLHTTP_VERSION)
if(CLUTCH_LLHTTP_VERSION VERSION_LESS llhttp_least)
  message(FATAL_ERROR "llhttp ${CLUTCH_LLHTTP_VERSION} (${llhttp_header}) is too old: versions before ${llhttp_least} have known "
    "request-smuggling bugs. " ${llhttp_advice})
endif()
if(NOT TARGET llhttp::llhttp)
  add_library(llhttp::llhttp ALIAS ${llhttp_target})
endif()
message(STATUS "llhttp ${CLUTCH_LLHTTP_VERSION} (${llhttp_header})")
