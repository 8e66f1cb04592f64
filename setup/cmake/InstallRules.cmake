# What `cmake --install` puts beside the program: the manual page and the completion of three shells, which the program itself
# prints from its table of options, the units for systemd, and what type checkers read of `import clutch`.
# In a wheel (scikit-build-core sets SKBUILD) the program goes to the scripts of the environment and the rest below its share/.

include(GNUInstallDirs)
if(SKBUILD)
  set(bin ${SKBUILD_SCRIPTS_DIR})
  set(share ${SKBUILD_DATA_DIR}/share)
else()
  set(bin ${CMAKE_INSTALL_BINDIR})
  set(share ${CMAKE_INSTALL_DATAROOTDIR})
endif()
install(TARGETS clutch RUNTIME DESTINATION ${bin} COMPONENT program)

# A program with sanitizers may refuse to run on the machine that builds it, and nobody installs it.
if(NOT CLUTCH_SANITIZE AND NOT CLUTCH_FUZZ)
  set(printed ${CMAKE_BINARY_DIR}/printed)
  file(MAKE_DIRECTORY ${printed})
  foreach(form_and_file man/clutch.1 bash/clutch zsh/_clutch fish/clutch.fish)
    get_filename_component(form ${form_and_file} DIRECTORY)
    file(MAKE_DIRECTORY ${printed}/${form})
    add_custom_command(OUTPUT ${printed}/${form_and_file} DEPENDS clutch VERBATIM
      COMMAND clutch --help=${form} > ${printed}/${form_and_file} COMMENT "Printing ${form_and_file}")
    list(APPEND printed_files ${printed}/${form_and_file})
  endforeach()
  add_custom_target(printed ALL DEPENDS ${printed_files})

  install(FILES ${printed}/man/clutch.1 DESTINATION ${share}/man/man1 COMPONENT documents)
  install(FILES ${printed}/bash/clutch DESTINATION ${share}/bash-completion/completions COMPONENT documents)
  install(FILES ${printed}/zsh/_clutch DESTINATION ${share}/zsh/site-functions COMPONENT documents)
  install(FILES ${printed}/fish/clutch.fish DESTINATION ${share}/fish/vendor_completions.d COMPONENT documents)
endif()

# Type checkers find a package of stubs beside other packages; elsewhere they are told: MYPYPATH=PREFIX/share/clutch/stubs.
if(SKBUILD)
  set(stubs ${SKBUILD_PLATLIB_DIR}/clutch-stubs)
else()
  set(stubs ${share}/clutch/stubs/clutch)
endif()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/csrc/python/clutch-stubs/ DESTINATION ${stubs} COMPONENT documents FILES_MATCHING PATTERN *.pyi)

if(NOT SKBUILD)
  # The units name the program by its path, which is not known before the prefix is.
  install(CODE "set(units_from \"${CMAKE_SOURCE_DIR}/setup/systemd\")
    set(units_to \"${CMAKE_BINARY_DIR}/systemd\")
    set(units_bin \"${CMAKE_INSTALL_BINDIR}\")" COMPONENT documents)
  install(SCRIPT ${CMAKE_SOURCE_DIR}/setup/cmake/InstallUnits.cmake COMPONENT documents)
  add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
    -P ${CMAKE_SOURCE_DIR}/setup/cmake/Uninstall.cmake)
endif()
