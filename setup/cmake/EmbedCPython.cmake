# The CPython that clutch embeds, as the interface library clutch_libpython (only csrc/python links it).
#
#   -DPython3_EXECUTABLE=PATH       embed this interpreter's library; by default that of the first python3 on PATH
#   -DPython3_USE_STATIC_LIBS=ON    link libpythonX.Y.a although there is a shared library
#
# Sets CLUTCH_PYTHON_EXECUTABLE (never a wrapper script, never a virtual environment's) and CLUTCH_PYTHON_IS_STATIC.

# Decided once for a build directory: a later run of CMake in a shell with another PATH must not change the Python under it.
if(Python3_EXECUTABLE)
  set(CLUTCH_PYTHON_CHOICE ${Python3_EXECUTABLE} CACHE INTERNAL "")
elseif(NOT CLUTCH_PYTHON_CHOICE)
  find_program(python3_on_path NAMES python3 python NO_CACHE)
  if(NOT python3_on_path)
    message(FATAL_ERROR "clutch embeds CPython, and there is no python3 on PATH. "
      "Run setup/dependencies, or name an interpreter with -DPython3_EXECUTABLE=.")
  endif()
  set(CLUTCH_PYTHON_CHOICE ${python3_on_path} CACHE INTERNAL "")
endif()

execute_process(COMMAND ${CLUTCH_PYTHON_CHOICE} ${CMAKE_CURRENT_LIST_DIR}/describe_python.py
  OUTPUT_VARIABLE description ERROR_VARIABLE description_error RESULT_VARIABLE description_result)
if(NOT description_result EQUAL 0)
  message(FATAL_ERROR "'${CLUTCH_PYTHON_CHOICE}' is not a usable Python: ${description_result} ${description_error}")
endif()
foreach(name implementation version executable include shared static static_links)
  string(REGEX MATCH "(^|\n)${name}=([^\n]*)" unused "${description}")
  set(python_${name} "${CMAKE_MATCH_2}")
endforeach()

set(python_advice "Install what is missing (Debian: setup/dependencies, or apt-get install libpython3-dev), "
  "or name another interpreter with -DPython3_EXECUTABLE=.")
if(NOT python_implementation STREQUAL "cpython" OR python_version VERSION_LESS 3.9)
  message(FATAL_ERROR "clutch embeds CPython 3.9 or newer, and '${CLUTCH_PYTHON_CHOICE}' is "
    "${python_implementation} ${python_version}. " ${python_advice})
endif()
if(NOT python_include)
  message(FATAL_ERROR "'${python_executable}' (Python ${python_version}) has no C headers: Python.h was not found. " ${python_advice})
endif()

set(CLUTCH_PYTHON_IS_STATIC OFF)
set(python_library ${python_shared})
if(Python3_USE_STATIC_LIBS OR NOT python_shared)
  set(CLUTCH_PYTHON_IS_STATIC ON)
  set(Python3_USE_STATIC_LIBS ON)
  set(python_library ${python_static})
endif()
if(NOT python_library)
  message(FATAL_ERROR "'${python_executable}' (Python ${python_version}) has no libpython to embed. " ${python_advice})
endif()

# With all three named, CMake's own module checks that they belong together and looks no further. Another Python may have been
# here before, so what it left in the cache goes first.
foreach(artifact EXECUTABLE INCLUDE_DIR LIBRARY)
  unset(Python3_${artifact} CACHE)
endforeach()
set(Python3_EXECUTABLE ${python_executable})
set(Python3_INCLUDE_DIR ${python_include})
set(Python3_LIBRARY ${python_library})
find_package(Python3 3.9 COMPONENTS Interpreter Development.Embed REQUIRED QUIET)
set(CLUTCH_PYTHON_EXECUTABLE ${python_executable})

add_library(clutch_libpython INTERFACE)
if(CLUTCH_PYTHON_IS_STATIC)
  # All of the archive: an extension module may need a function that the server itself does not.
  target_include_directories(clutch_libpython SYSTEM INTERFACE ${Python3_INCLUDE_DIRS})
  target_link_libraries(clutch_libpython INTERFACE
    "$<LINK_LIBRARY:WHOLE_ARCHIVE,${python_library}>" ${python_static_links} ${CMAKE_DL_LIBS} m)
  # Debian's archive is not position independent. Where that is so the executable cannot be either.
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_INCLUDES ${Python3_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_LIBRARIES ${python_library} ${python_static_links} ${CMAKE_DL_LIBS} m)
  unset(CLUTCH_STATIC_PYTHON_IS_PIE CACHE)
  set(CMAKE_REQUIRED_QUIET ON)
  check_c_source_compiles("#include <Python.h>\nint main(int c, char **v) { return Py_BytesMain(c, v); }"
    CLUTCH_STATIC_PYTHON_IS_PIE)
  if(NOT CLUTCH_STATIC_PYTHON_IS_PIE)
    target_link_options(clutch_libpython INTERFACE -no-pie)
  endif()
else()
  target_link_libraries(clutch_libpython INTERFACE Python3::Python)
endif()
message(STATUS "CPython ${python_version} (${python_executable}), ${python_library}")
