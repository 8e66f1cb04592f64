# ncurses, with wide characters, as curses::curses (only csrc/control links it, for `clutch top`).

set(curses_advice "Install libncurses-dev: setup/dependencies does it on Debian 12 and 13. "
  "One that is installed elsewhere is found with -DCMAKE_PREFIX_PATH=.")

find_path(CLUTCH_CURSES_INCLUDE curses.h PATH_SUFFIXES ncursesw)
find_library(CLUTCH_CURSES_LIBRARY ncursesw)
# Some systems have the lower half, what the terminal can do, in a library of its own.
find_library(CLUTCH_TINFO_LIBRARY NAMES tinfow tinfo)
mark_as_advanced(CLUTCH_CURSES_INCLUDE CLUTCH_CURSES_LIBRARY CLUTCH_TINFO_LIBRARY)
if(NOT CLUTCH_CURSES_INCLUDE OR NOT CLUTCH_CURSES_LIBRARY)
  message(FATAL_ERROR "ncurses, the terminal library, was not found. " ${curses_advice})
endif()
add_library(curses::curses UNKNOWN IMPORTED)
set_target_properties(curses::curses PROPERTIES
  IMPORTED_LOCATION ${CLUTCH_CURSES_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${CLUTCH_CURSES_INCLUDE})
if(CLUTCH_TINFO_LIBRARY)
  set_target_properties(curses::curses PROPERTIES INTERFACE_LINK_LIBRARIES ${CLUTCH_TINFO_LIBRARY})
endif()
message(STATUS "ncurses (${CLUTCH_CURSES_LIBRARY})")
