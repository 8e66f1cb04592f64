# Finds CPython and llhttp, and says what to install when one is missing or too old.

# The interpreter that `python3` means in this shell, unless -DPython3_EXECUTABLE= says another one. Asking it where it really
# lives sees through version managers' wrappers.
if(NOT Python3_EXECUTABLE)
  find_program(CLUTCH_PYTHON3_ON_PATH NAMES python3 python NO_CMAKE_PATH NO_CMAKE_ENVIRONMENT_PATH)
  if(CLUTCH_PYTHON3_ON_PATH)
    execute_process(COMMAND ${CLUTCH_PYTHON3_ON_PATH} -c "import sys; print(sys.executable)"
      OUTPUT_VARIABLE Python3_EXECUTABLE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
find_package(Python3 3.9 COMPONENTS Interpreter Development.Embed)
if(NOT Python3_Development.Embed_FOUND)
  message(FATAL_ERROR "clutch embeds CPython >= 3.9 and found no headers and libpython for '${Python3_EXECUTABLE}'. "
    "Install them (Debian: apt-get install libpython3-dev) or name another interpreter with -DPython3_EXECUTABLE=.")
endif()
set(CLUTCH_PYTHON_IS_STATIC OFF)
if(Python3_LIBRARIES MATCHES "\\.a(;|$)")
  set(CLUTCH_PYTHON_IS_STATIC ON)
endif()
message(STATUS "CPython ${Python3_VERSION} (${Python3_EXECUTABLE}), ${Python3_LIBRARIES}")

# The package has no version file, so the version comes from the header.
set(llhttp_hint "Install libllhttp-dev 9.2.1 or newer (Debian 13: apt-get install libllhttp-dev; Debian 12: setup/dependencies).")
find_package(llhttp CONFIG QUIET)
if(NOT TARGET llhttp::llhttp_shared)
  message(FATAL_ERROR "llhttp, the HTTP parser, was not found. ${llhttp_hint}")
endif()
get_target_property(llhttp_include llhttp::llhttp_shared INTERFACE_INCLUDE_DIRECTORIES)
find_file(CLUTCH_LLHTTP_HEADER llhttp.h PATHS ${llhttp_include} NO_DEFAULT_PATH REQUIRED)
foreach(part MAJOR MINOR PATCH)
  file(STRINGS ${CLUTCH_LLHTTP_HEADER} line REGEX "^#define LLHTTP_VERSION_${part} [0-9]+")
  string(REGEX REPLACE ".* ([0-9]+)$" "\\1" llhttp_${part} "${line}")
endforeach()
set(llhttp_version ${llhttp_MAJOR}.${llhttp_MINOR}.${llhttp_PATCH})
if(llhttp_version VERSION_LESS 9.2.1)
  message(FATAL_ERROR "llhttp ${llhttp_version} is too old: versions before 9.2.1 have known request-smuggling bugs. ${llhttp_hint}")
endif()
message(STATUS "llhttp ${llhttp_version}")
add_library(llhttp::llhttp ALIAS llhttp::llhttp_shared)
