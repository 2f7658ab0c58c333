# Adds a source to a target once per level of instruction set, as the contraction kernels are built; ravel::isa() chooses
# among them at run time.
#   -ffp-contract=fast   in these sources every expression has at most one product, which becomes a fused multiply-add
#                        wherever the level has them; so AVX2, AVX-512 and NEON give the same bits
# Nothing else is compiled with -m flags. What these objects share with the rest are plain structs: a function that was
# inlined here must never be the one that the linker keeps for all (tests/check_levels.cmake looks at their symbols).
function(ravel_level target source level)
  add_library(${target}_${level} OBJECT ${source})
  ravel_flags(${target}_${level})
  target_compile_options(${target}_${level} PRIVATE -ffp-contract=fast ${ARGN})
  target_compile_definitions(${target}_${level} PRIVATE RAVEL_LEVEL=${level} $<$<BOOL:${RAVEL_TINY_BLOCKS}>:RAVEL_TINY_BLOCKS>)
  target_include_directories(${target}_${level} PRIVATE ${PROJECT_BINARY_DIR}/include)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${level}>)
endfunction()

function(ravel_levels target source)
  ravel_level(${target} ${source} baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    ravel_level(${target} ${source} avx2 -march=x86-64-v3)
    ravel_level(${target} ${source} avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  endif()
endfunction()
