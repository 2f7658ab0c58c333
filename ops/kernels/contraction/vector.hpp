// Vectors of the level that this file is compiled for, and the shape of a tile that fits its registers.
#pragma once

#include <cstdint>

// Everything of a level stands in a namespace of its own (RAVEL_LEVEL is its name, given by the build), so that the
// linker can never choose code of a wider level for a narrower processor.
namespace ravel::kernels::RAVEL_LEVEL {

// A tile keeps tile_rows x tile_vectors sums in registers, beside one row of vectors of B and one broadcast element of
// A: 8 x 3 of 32 registers, 4 x 3 of 16; without fused multiply-adds one more register is needed for the product.
#if defined(RAVEL_TINY_BLOCKS)
inline constexpr int vector_bytes = 16, tile_rows = 2, tile_vectors = 2, single_row_vectors = 3;
#elif defined(__AVX512F__)
inline constexpr int vector_bytes = 64, tile_rows = 8, tile_vectors = 3, single_row_vectors = 8;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32, tile_rows = 4, tile_vectors = 3, single_row_vectors = 8;
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16, tile_rows = 8, tile_vectors = 3, single_row_vectors = 8;
#else
inline constexpr int vector_bytes = 16, tile_rows = 4, tile_vectors = 2, single_row_vectors = 6;
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int registers = 32;
#else
inline constexpr int registers = 16;
#endif

// A tile of a filter: fewer sums than above, beside nine weights that stay in registers where there are enough.
inline constexpr int filter_tile_rows = tile_rows, filter_tile_vectors = registers / 16;

template <class T>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
struct Vectors {
  typedef T Vector __attribute__((vector_size(vector_bytes)));
  typedef T Unaligned __attribute__((vector_size(vector_bytes), aligned(sizeof(T)), may_alias));
};
template <class T>
using Vector = typename Vectors<T>::Vector;

template <class T>
[[gnu::always_inline]] inline Vector<T> load(const T* from) {
  return *reinterpret_cast<const typename Vectors<T>::Unaligned*>(from);
}
template <class T>
[[gnu::always_inline]] inline void store(T* to, Vector<T> x) {
  *reinterpret_cast<typename Vectors<T>::Unaligned*>(to) = x;
}
// x, loaded once: without this GCC would rather read a vector that has many uses from memory for each of them.
template <class T>
[[gnu::always_inline]] inline Vector<T> in_register(Vector<T> x) {
#if defined(__aarch64__)
  asm("" : "+w"(x));
#else
  asm("" : "+v"(x));
#endif
  return x;
}
// x in every lane. (x - 0 is x, also for the zeros and NaNs, and compiles to a plain broadcast.)
template <class T>
[[gnu::always_inline]] inline Vector<T> broadcast(T x) {
  return x - Vector<T>{};
}
// x where it is not below 0, else 0; NaN stays.
template <class T>
[[gnu::always_inline]] inline Vector<T> relu(Vector<T> x) {
  return x < Vector<T>{} ? Vector<T>{} : x;
}

template <int i>
struct Index {
  static constexpr int value = i;
  constexpr operator int() const { return i; }  // NOLINT(google-explicit-constructor)
};
template <int... i>
struct Indices {};
template <int n, int... i>
struct UpTo : UpTo<n - 1, n - 1, i...> {};
template <int... i>
struct UpTo<0, i...> {
  using All = Indices<i...>;
};

template <class F, int... i>
[[gnu::always_inline]] inline void unroll(const F& body, Indices<i...>) {
  (body(Index<i>()), ...);
}
// Calls body(i) for i = 0 .. n - 1, unrolled, with indices known to the compiler: arrays indexed by them live in
// registers.
template <int n, class F>
[[gnu::always_inline]] inline void unroll(const F& body) {
  unroll(body, typename UpTo<n>::All());
}

}  // namespace ravel::kernels::RAVEL_LEVEL
