# The contraction kernels at each level of instruction set: the same tests, and no symbol in common.
foreach(level baseline avx2 avx512)
  if(NOT TARGET ravel_${level})
    continue()
  endif()
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")  # which has one level, called neon
    add_test(NAME kernels_${level} COMMAND ravel_tests "[kernels]")
    set_tests_properties(kernels_${level} PROPERTIES ENVIRONMENT RAVEL_ISA=${level}
                         SKIP_REGULAR_EXPRESSION "this processor offers")
  endif()
  add_test(NAME symbols_${level}
           COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DLEVEL=${level} -DOBJECT=$<TARGET_OBJECTS:ravel_${level}>
                   -P ${CMAKE_CURRENT_SOURCE_DIR}/check_levels.cmake)
endforeach()
