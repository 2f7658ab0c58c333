# Programs that print hashes of results, one line for each thing: the lines must be the same at each level of instruction
# set, on any number of threads, and on aarch64. The target `bits` builds them.
add_custom_target(bits)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(levels neon)
else()
  set(levels baseline avx2 avx512)
endif()

# Adds the program of some sources; the first names it. Lines that match `fused` use fused multiply-adds, which the
# baseline has not.
function(bits_program fused source)
  cmake_path(GET source STEM program)
  add_executable(${program} ${source} ${ARGN})
  ravel_flags(${program})
  target_link_libraries(${program} PRIVATE ravel::ravel)
  add_dependencies(bits ${program})
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    return()  # slow, and nothing that the other tests would not run
  endif()
  if(CMAKE_CROSSCOMPILING)
    # In f64 erf is the C library's, which uses fused multiply-adds on aarch64.
    set(native -DNATIVE=${PROJECT_SOURCE_DIR}/build/release/tests/${program} "-DEXCEPT=^(erf|gelu|gelu_backward)/.*f64")
  endif()
  add_test(NAME ${program}_are_the_same
           COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> "-DEMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}"
                   "-DLEVELS=${levels}" "-DFUSED=${fused}" ${native} -P ${CMAKE_CURRENT_SOURCE_DIR}/same_bits.cmake)
  set_tests_properties(${program}_are_the_same PROPERTIES SKIP_REGULAR_EXPRESSION "skipped:")
endfunction()

bits_program("." programs/kernel_bits.cpp)
bits_program("" programs/reduction_bits.cpp)
file(GLOB rows CONFIGURE_DEPENDS rows_*.cpp)
bits_program("^(conv|matmul|linear|dot|mv|bmm|addmm)" programs/table_bits.cpp op_table.cpp ${rows})
bits_program("." programs/training_bits.cpp)
