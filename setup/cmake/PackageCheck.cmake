# Part of cpack: a package can name the packages that it needs only when its libraries come from packages.
if(CPACK_GENERATOR STREQUAL "DEB")
  file(REAL_PATH "${CPACK_CLUTCH_LIBPYTHON}" libpython)
  execute_process(COMMAND dpkg-query -S "${libpython}" OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "this clutch embeds ${libpython}, which no Debian package of this system has. "
      "Configure with -DPython3_EXECUTABLE=/usr/bin/python3 and build again.")
  endif()
  find_program(shlibdeps dpkg-shlibdeps)
  if(NOT shlibdeps)
    message(FATAL_ERROR "dpkg-shlibdeps is missing, which finds the packages that clutch needs: apt-get install dpkg-dev")
  endif()
endif()
