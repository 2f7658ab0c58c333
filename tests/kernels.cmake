# The kernels at each level of instruction set: the same bits, and for contractions the same tests and no symbol in common.
foreach(program kernel_bits reduction_bits)
  add_executable(${program} programs/${program}.cpp)
  ravel_flags(${program})
  target_link_libraries(${program} PRIVATE ravel::ravel)
  add_test(NAME ${program}_on_all_levels
           COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> -P ${CMAKE_CURRENT_SOURCE_DIR}/same_bits.cmake)
  set_tests_properties(${program}_on_all_levels PROPERTIES SKIP_REGULAR_EXPRESSION "skipped:")
endforeach()

foreach(level baseline avx2 avx512)
  if(NOT TARGET ravel_${level})
    continue()
  endif()
  add_test(NAME kernels_${level} COMMAND ravel_tests "[kernels]")
  set_tests_properties(kernels_${level} PROPERTIES ENVIRONMENT RAVEL_ISA=${level}
                       SKIP_REGULAR_EXPRESSION "this processor offers")
  add_test(NAME symbols_${level}
           COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DLEVEL=${level} -DOBJECT=$<TARGET_OBJECTS:ravel_${level}>
                   -P ${CMAKE_CURRENT_SOURCE_DIR}/check_levels.cmake)
endforeach()
