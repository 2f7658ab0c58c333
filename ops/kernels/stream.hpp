// Writing arrays that are larger than any cache.
#pragma once

#include <cstdint>

namespace ravel::kernels {

// From so many bytes on a result goes past the caches: it would leave them before anyone reads it, and a line that is
// written in the usual way is first read from memory.
#if defined(RAVEL_TINY_BLOCKS)
inline constexpr std::int64_t streamed_bytes = 64;
#else
inline constexpr std::int64_t streamed_bytes = 32 << 20;
#endif

// Copies `bytes` bytes to `to` past the caches, where the processor can do so. Other threads may read them after
// finish_streams() on this thread.
void stream(void* to, const void* from, std::int64_t bytes);
void finish_streams();

}  // namespace ravel::kernels
