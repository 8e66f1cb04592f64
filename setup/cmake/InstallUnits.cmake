# Part of the installation: the units of systemd, with the path that the program will have.
# Uses units_from, units_to (a directory of the build) and units_bin, and the CMAKE_INSTALL_PREFIX of `cmake --install`.
if(IS_ABSOLUTE "${units_bin}")
  set(program "${units_bin}/clutch")
else()
  get_filename_component(program "${CMAKE_INSTALL_PREFIX}/${units_bin}/clutch" ABSOLUTE)
endif()
foreach(unit clutch@.service clutch@.socket)
  file(READ "${units_from}/${unit}" text)
  string(REPLACE "ExecStart=/usr/bin/clutch " "ExecStart=${program} " text "${text}")
  file(WRITE "${units_to}/${unit}" "${text}")
  file(INSTALL "${units_to}/${unit}" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")
endforeach()
