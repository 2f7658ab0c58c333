# The contraction kernels at each level of instruction set: the same tests, the same bits, and no symbol in common.
add_executable(kernel_bits programs/kernel_bits.cpp)
ravel_flags(kernel_bits)
target_link_libraries(kernel_bits PRIVATE ravel::ravel)
add_test(NAME same_bits_on_all_levels
         COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:kernel_bits> -P ${CMAKE_CURRENT_SOURCE_DIR}/same_bits.cmake)
set_tests_properties(same_bits_on_all_levels PROPERTIES SKIP_REGULAR_EXPRESSION "skipped:")

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
