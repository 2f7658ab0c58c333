// Element types, and the dispatch from a run-time type to a compile-time one.
#pragma once

#include <cstdint>
#include <type_traits>

#include "ravel/autograd/error.hpp"

namespace ravel {

// f32 and f64 have gradients; i64 holds labels, indices and tokens; u8 holds images; boolean holds masks.
enum class Dtype : std::uint8_t { f32, f64, i64, u8, boolean };

inline constexpr Dtype f32 = Dtype::f32, f64 = Dtype::f64, i64 = Dtype::i64, u8 = Dtype::u8, boolean = Dtype::boolean;

constexpr int size_of(Dtype dtype) {
  constexpr int sizes[] = {4, 8, 8, 1, 1};
  return sizes[static_cast<int>(dtype)];
}
constexpr const char* name_of(Dtype dtype) {
  constexpr const char* names[] = {"f32", "f64", "i64", "u8", "bool"};
  return names[static_cast<int>(dtype)];
}
constexpr bool is_floating(Dtype dtype) { return dtype == f32 || dtype == f64; }

template <class T>
struct DtypeOf;
template <>
struct DtypeOf<float> {
  static constexpr Dtype value = f32;
};
template <>
struct DtypeOf<double> {
  static constexpr Dtype value = f64;
};
template <>
struct DtypeOf<std::int64_t> {
  static constexpr Dtype value = i64;
};
template <>
struct DtypeOf<std::uint8_t> {
  static constexpr Dtype value = u8;
};
template <>
struct DtypeOf<bool> {
  static constexpr Dtype value = boolean;
};

// The Dtype of a C++ element type.
template <class T>
inline constexpr Dtype dtype_of = DtypeOf<std::remove_cv_t<T>>::value;

// Throws, naming `op`, unless `number` can be an element of `dtype`: a fraction cannot stand among integers.
void require_element(const char* op, double number, Dtype dtype);

// Calls f.template operator()<T>() with the C++ type of `dtype`; other types than floats are an error that names `op`.
template <class F>
decltype(auto) visit_floating(Dtype dtype, const char* op, F&& f) {
  if (dtype == f32) return f.template operator()<float>();
  require(dtype == f64, "{}: needs f32 or f64, got {}; use cast(x, f32)", op, name_of(dtype));
  return f.template operator()<double>();
}

// The same for the types that one can calculate with: f32, f64 and i64.
template <class F>
decltype(auto) visit_numeric(Dtype dtype, const char* op, F&& f) {
  if (dtype == f32) return f.template operator()<float>();
  if (dtype == f64) return f.template operator()<double>();
  require(dtype == i64, "{}: needs f32, f64 or i64, got {}; use cast(x, i64)", op, name_of(dtype));
  return f.template operator()<std::int64_t>();
}

// The same for every type.
template <class F>
decltype(auto) visit_any(Dtype dtype, F&& f) {
  switch (dtype) {
    case f32: return f.template operator()<float>();
    case f64: return f.template operator()<double>();
    case i64: return f.template operator()<std::int64_t>();
    case u8: return f.template operator()<std::uint8_t>();
    default: return f.template operator()<bool>();
  }
}

}  // namespace ravel

template <>
struct fmt::formatter<ravel::Dtype> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::format_context::iterator format(ravel::Dtype dtype, fmt::format_context& context) const;
};
