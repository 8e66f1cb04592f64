# inih, the ini parser, as inih::inih (only csrc/config links it).

set(inih_advice "Install libinih-dev: setup/dependencies does it on Debian 12 and 13. "
  "One that is installed elsewhere is found with -DCMAKE_PREFIX_PATH=.")

find_path(CLUTCH_INIH_INCLUDE ini.h)
find_library(CLUTCH_INIH_LIBRARY inih)
mark_as_advanced(CLUTCH_INIH_INCLUDE CLUTCH_INIH_LIBRARY)
if(NOT CLUTCH_INIH_INCLUDE OR NOT CLUTCH_INIH_LIBRARY)
  message(FATAL_ERROR "inih, the ini parser, was not found. " ${inih_advice})
endif()
add_library(inih::inih UNKNOWN IMPORTED)
set_target_properties(inih::inih PROPERTIES
  IMPORTED_LOCATION ${CLUTCH_INIH_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${CLUTCH_INIH_INCLUDE})

# Debian's can be told at run time how long a line may be and that ';' in a value is no comment.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_INCLUDES ${CLUTCH_INIH_INCLUDE})
set(CMAKE_REQUIRED_LIBRARIES ${CLUTCH_INIH_LIBRARY})
check_c_source_compiles("#include <ini.h>\nint main(void) { ini_use_stack = 1; ini_max_line = 9; ini_allow_inline_comments = 0; return 0; }"
  CLUTCH_INIH_HAS_SETTINGS)
unset(CMAKE_REQUIRED_INCLUDES)
unset(CMAKE_REQUIRED_LIBRARIES)
if(CLUTCH_INIH_HAS_SETTINGS)
  message(STATUS "inih (${CLUTCH_INIH_LIBRARY})")
else()
  message(STATUS "inih (${CLUTCH_INIH_LIBRARY}), without settings: a line of a configuration file has 198 bytes at most")
endif()
