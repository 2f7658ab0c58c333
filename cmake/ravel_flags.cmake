# The compiler flags of everything that is built here.
#   -ffp-contract=off   a*b+c is rounded twice, as written, at every level of instruction set: equal bits; kernels that
#                       want fused multiply-adds ask for them
#   -fno-math-errno, -fno-trapping-math   change no result; they let loops with sqrt and with conditions be vectorised
function(ravel_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -ffp-contract=off -fno-math-errno -fno-trapping-math)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    # A loop that clang leaves scalar is no fault.
    target_compile_options(${target} PRIVATE -Wno-pass-failed)
  endif()
  if(RAVEL_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(RAVEL_SYSTEM_MALLOC)
    target_compile_definitions(${target} PRIVATE RAVEL_SYSTEM_MALLOC)
  endif()
endfunction()
