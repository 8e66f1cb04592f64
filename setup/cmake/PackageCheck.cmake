# Part of cpack: a package can name the packages that it needs only when its libraries come from packages.
cmake_policy(SET CMP0109 NEW) # a program is what can be run
if(CPACK_GENERATOR STREQUAL "DEB")
  file(REAL_PATH "${CPACK_CLUTCH_LIBPYTHON}" libpython)
  execute_process(COMMAND dpkg-query -S "${libpython}" OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "this clutch embeds ${libpython}, which no Debian package of this system has. "
      "Configure with -DPython3_EXECUTABLE=/usr/bin/python3 and build again.")
  endif()
  foreach(tool IN ITEMS dpkg-shlibdeps file)
    find_program(path_of_${tool} ${tool})
    if(NOT path_of_${tool})
      message(FATAL_ERROR "${tool} is missing, which it takes to find the packages that clutch needs: apt-get install dpkg-dev file")
    endif()
  endforeach()
endif()
