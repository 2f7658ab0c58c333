#include "ravel/ops/kernels/stream.hpp"

#include <algorithm>
#include <cstring>

#include "ravel/ops/kernels/isa.hpp"
#include "ravel/ops/kernels/levels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ravel::kernels {

#if defined(__x86_64__)
namespace {

constexpr std::int64_t line = 64;  // bytes of a line of the cache: written whole, it need not be read

// Copies whole lines; `to` is where one begins.
void stream_baseline(char* to, const char* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
}
RAVEL_AVX2 void stream_avx2(char* to, const char* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
}
RAVEL_AVX512 void stream_avx512(char* to, const char* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_loadu_si512(from + i));
  }
}

}  // namespace

void stream(void* to, const void* from, std::int64_t bytes) {
  char* const target = static_cast<char*>(to);
  const char* const source = static_cast<const char*>(from);
  const std::int64_t past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(target) % line);
  const std::int64_t head = std::min(past == 0 ? 0 : line - past, bytes);
  const std::int64_t lines = (bytes - head) / line * line;
  std::memcpy(target, source, static_cast<std::size_t>(head));
  switch (isa()) {
    case Isa::avx512: stream_avx512(target + head, source + head, lines); break;
    case Isa::avx2: stream_avx2(target + head, source + head, lines); break;
    default: stream_baseline(target + head, source + head, lines);
  }
  std::memcpy(target + head + lines, source + head + lines, static_cast<std::size_t>(bytes - head - lines));
}

void finish_streams() { _mm_sfence(); }
#else
void stream(void* to, const void* from, std::int64_t bytes) { std::memcpy(to, from, static_cast<std::size_t>(bytes)); }

void finish_streams() {}
#endif

}  // namespace ravel::kernels
