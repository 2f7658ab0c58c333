# The cache of free blocks, without RAVEL_SYSTEM_MALLOC: so that ThreadSanitizer sees how threads exchange blocks.
add_executable(memory_cache programs/memory_cache.cpp ${PROJECT_SOURCE_DIR}/autograd/memory.cpp)
ravel_flags(memory_cache)
target_compile_options(memory_cache PRIVATE -URAVEL_SYSTEM_MALLOC)
target_link_libraries(memory_cache PRIVATE ravel::ravel)
add_test(NAME memory_cache COMMAND memory_cache)
