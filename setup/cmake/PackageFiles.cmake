# Part of cpack: what Debian's policy wants besides, and at other places, in the tree that becomes the package.
set(root "${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
set(share "${root}/usr/share")
set(doc "${share}/doc/clutch")

file(READ "${CPACK_CLUTCH_SOURCE}/LICENSE" license)
file(WRITE "${doc}/copyright" "clutch, a WSGI application server. Its licence, the MIT (Expat) licence:\n\n${license}")

execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -R -d "${CPACK_CLUTCH_DATE}" OUTPUT_VARIABLE date
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(WRITE "${doc}/changelog.Debian" "clutch (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
  "  * Version ${CPACK_PACKAGE_VERSION}.\n\n -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")
execute_process(COMMAND gzip -9nf "${doc}/changelog.Debian" "${share}/man/man1/clutch.1" COMMAND_ERROR_IS_FATAL ANY)

file(MAKE_DIRECTORY "${share}/zsh/vendor-completions" "${root}/etc/clutch")
file(RENAME "${share}/zsh/site-functions/_clutch" "${share}/zsh/vendor-completions/_clutch")
file(REMOVE_RECURSE "${share}/zsh/site-functions")

file(GLOB_RECURSE everything LIST_DIRECTORIES true "${root}/*")
foreach(path IN LISTS everything)
  if(IS_DIRECTORY "${path}" OR path MATCHES "/bin/[^/]+$")
    set(mode 755)
  else()
    set(mode 644)
  endif()
  execute_process(COMMAND chmod ${mode} "${path}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
