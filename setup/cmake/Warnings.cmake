# The warning set and the sanitizers, as one interface target that every library of ours links.
add_library(clutch_flags INTERFACE)
target_compile_definitions(clutch_flags INTERFACE _GNU_SOURCE)
target_compile_options(clutch_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wcast-qual
  -Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough -fno-common -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT CLUTCH_SANITIZE)
  target_compile_options(clutch_flags INTERFACE -Wnull-dereference)
endif()
if(CLUTCH_WERROR)
  target_compile_options(clutch_flags INTERFACE -Werror)
endif()
if(CLUTCH_SANITIZE)
  target_compile_options(clutch_flags INTERFACE -fsanitize=${CLUTCH_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(clutch_flags INTERFACE -fsanitize=${CLUTCH_SANITIZE})
  if(CLUTCH_SANITIZE MATCHES "undefined")
    target_compile_options(clutch_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
