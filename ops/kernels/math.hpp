// Elementary functions for loops that the compiler vectorises: no branches, no calls, the same bits at every level of
// instruction set. The functions of float have the stated largest error, found by trying every float against the C
// library's function of double (in ulp: units in the last place of the exact result); they accept and return NaN,
// infinities, -0 and denormal numbers as the C library does. Those of double are the C library's.
//
// Coefficients without a source are minimax fits (weighted least squares with Lawson's iteration) of relative error.
// To see that a loop, here that of exp, has full registers and no calls but those of double:
//   objdump -d build/release/libravel.a | awk '/^[0-9a-f]+ <.*run_avx512.*3expERK.*_fJf/,/ret/' | grep -E 'call|zmm'
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace ravel::kernels {

inline double exp(double x) { return std::exp(x); }
inline double expm1(double x) { return std::expm1(x); }
inline double log(double x) { return std::log(x); }
inline double log1p(double x) { return std::log1p(x); }
inline double log2(double x) { return std::log2(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double erf(double x) { return std::erf(x); }
inline double sin(double x) { return std::sin(x); }
inline double cos(double x) { return std::cos(x); }
inline double pow(double x, double y) { return std::pow(x, y); }

namespace detail {

// c[0] + c[1] x + c[2] x^2 + ..., by pairs (Estrin 1960): c[0] + c[1] x, c[2] + c[3] x, ... are the coefficients of a
// polynomial of x^2. A third of the latency of Horner's rule, which long chains in a loop would wait for.
template <class T, std::size_t n>
[[gnu::always_inline]] inline T polynomial(T x, const T (&c)[n]) {
  if constexpr (n == 1) {
    return c[0];
  } else if constexpr (n == 2) {
    return c[0] + x * c[1];
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
      if constexpr (n % 2 == 0) {
        return polynomial(x * x, {(c[2 * I] + x * c[2 * I + 1])...});
      } else {
        return polynomial(x * x, {(c[2 * I] + x * c[2 * I + 1])..., c[n - 1]});
      }
    }
    (std::make_index_sequence<n / 2>());
  }
}

template <class T>
struct Bounds {
  T low, high;
};
// Their values stand in math.cpp, out of the compiler's sight: of x < low ? low : x GCC makes one instruction, but with
// a literal it makes two or more.
extern const Bounds<float> exp_bounds, expm1_bounds, tanh_bounds, erf_bounds, one;
extern const Bounds<double> pow_bounds;

// x, moved into [low, high]; NaN stays.
template <class T>
[[gnu::always_inline]] inline T bounded(T x, const Bounds<T>& bounds) {
  const T above = x < bounds.low ? bounds.low : x;
  return above > bounds.high ? bounds.high : above;
}

[[gnu::always_inline]] inline float magnitude(float x) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFu);
}
// |x| with the sign of `sign`.
[[gnu::always_inline]] inline float with_sign(float x, float sign) {
  const std::uint32_t sign_bit = std::bit_cast<std::uint32_t>(sign) & 0x80000000u;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFu) | sign_bit);
}

// 2^n for n in [-126, 127].
[[gnu::always_inline]] inline float power_of_two(std::int32_t n) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23);
}

inline constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;  // n * ln2_high is exact for |n| < 2^15
inline constexpr float log2_e = 0x1.715476p+0f;

// x = n ln 2 + r with an integer n and |r| <= ln(2) / 2, for |x| < 10^6.
struct ExpParts {
  std::int32_t n;
  float r;
};
[[gnu::always_inline]] inline ExpParts exp_parts(float x) {
  constexpr float shift = 0x1.8p23f;  // adding it rounds to an integer, which stands in the low bits
  const float shifted = x * log2_e + shift, n = shifted - shift;
  return {std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(shift), x - n * ln2_high - n * ln2_low};
}

// e^r - 1 for |r| <= ln(2) / 2.
[[gnu::always_inline]] inline float expm1_near_zero(float r) {
  return r + r * r * polynomial(r, {0.49999997f, 0.166665435f, 0.0416672006f, 0.00836652052f, 0.00138825155f});
}

// x = 2^k (1 + f) with (1 + f) in [sqrt(1/2), sqrt(2)), for normal x > 0.
struct LogParts {
  float k, f;
};
[[gnu::always_inline]] inline LogParts log_parts(float x) {
  constexpr std::uint32_t sqrt_half = 0x3F3504F3;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::int32_t k = static_cast<std::int32_t>(bits - sqrt_half) >> 23;
  const float mantissa = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(k) << 23));
  return {static_cast<float>(k), mantissa - 1};
}
// The same for every x > 0.
[[gnu::always_inline]] inline LogParts log_parts_of_any(float x) {
  const bool denormal = x < 0x1p-126f;
  const LogParts parts = log_parts(denormal ? x * 0x1p23f : x);
  return {denormal ? parts.k - 23 : parts.k, parts.f};
}

// log(1 + f) - f for (1 + f) in [sqrt(1/2), sqrt(2)), plus a small `correction`.
[[gnu::always_inline]] inline float log1p_rest(float f, float correction) {
  const float cubed = f * f * f;
  const float tail = polynomial(f, {0.333333313f, -0.250008225f, 0.200012267f, -0.166233569f, 0.142017618f,
                                    -0.131601945f, 0.127615497f, -0.0763442963f});
  return (cubed * tail + correction) - 0.5f * (f * f);
}

// `y`, the logarithm of a positive finite x, or what belongs to other x.
[[gnu::always_inline]] inline float log_limits(float x, float y) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float finite = x > 0 ? y : (x == 0 ? -infinity : nan);
  return x == infinity ? infinity : finite;
}

// x = n pi / 2 + r with |r| <= pi / 4; right to the last bit of r for |x| < 2^28.
struct Angle {
  std::int64_t n;
  float r;
};
[[gnu::always_inline]] inline Angle reduce_angle(float x) {
  constexpr double shift = 0x1.8p52, half_pi_high = 0x1.921fb5p+0, half_pi_low = 0x1.110b4611a6263p-26;
  const double wide = x, shifted = wide * 0x1.45f306dc9c883p-1 + shift, n = shifted - shift;
  return {std::bit_cast<std::int64_t>(shifted), static_cast<float>(wide - n * half_pi_high - n * half_pi_low)};
}

// sin(n pi / 2 + r).
[[gnu::always_inline]] inline float sin_of(std::int32_t n, float r) {
  const float z = r * r;
  const float sine = r + r * z * polynomial(z, {-0.166666552f, 0.0083321603f, -0.000195152737f});
  const float cosine = 1 - (0.5f * z - z * z * polynomial(z, {0.0416666456f, -0.00138873165f, 2.44331477e-05f}));
  const float value = (n & 1) != 0 ? cosine : sine;
  return (n & 2) != 0 ? -value : value;
}

}  // namespace detail

// e^x; 1.1 ulp.
[[gnu::always_inline]] inline float exp(float x) {
  const auto [n, r] = detail::exp_parts(detail::bounded(x, detail::exp_bounds));
  // In two factors, so that results beyond either end of the normal numbers are rounded once.
  return (1 + detail::expm1_near_zero(r)) * detail::power_of_two(n >> 1) * detail::power_of_two(n - (n >> 1));
}

// e^x - 1; 1.9 ulp.
[[gnu::always_inline]] inline float expm1(float x) {
  const auto [n, r] = detail::exp_parts(detail::bounded(x, detail::expm1_bounds));
  const float half_scale = detail::power_of_two(n - 1);  // half, because 2^128 is no float
  const float y = 2 * (half_scale * detail::expm1_near_zero(r) + (half_scale - 0.5f));
  return detail::magnitude(x) < 0x1p-24f ? x : y;
}

// The natural logarithm; 0.9 ulp.
[[gnu::always_inline]] inline float log(float x) {
  const auto [k, f] = detail::log_parts_of_any(x);
  return detail::log_limits(x, k * detail::ln2_high + (f + detail::log1p_rest(f, k * detail::ln2_low)));
}

// The logarithm to base 2, exact for powers of 2; 1.9 ulp.
[[gnu::always_inline]] inline float log2(float x) {
  const auto [k, f] = detail::log_parts_of_any(x);
  return detail::log_limits(x, k + (f + detail::log1p_rest(f, 0)) * detail::log2_e);
}

// log(1 + x); 1.0 ulp.
[[gnu::always_inline]] inline float log1p(float x) {
  const float u = 1 + x;
  const float lost = x >= 1 ? 1 - (u - x) : x - (u - 1);  // what rounding has cut off u
  const auto [k, f] = detail::log_parts(u);
  const float y = k * detail::ln2_high + (f + detail::log1p_rest(f, k * detail::ln2_low + lost / u));
  return detail::magnitude(x) < 0x1p-24f ? x : detail::log_limits(u, y);
}

// The hyperbolic tangent, (e^2x - 1) / (e^2x + 1); |tanh(x)| <= 1; 2.7 ulp.
[[gnu::always_inline]] inline float tanh(float x) {
  const auto [n, r] = detail::exp_parts(detail::bounded(2 * detail::magnitude(x), detail::tanh_bounds));
  const float scale = detail::power_of_two(n), e = scale * detail::expm1_near_zero(r) + (scale - 1);
  return detail::with_sign(e / (e + 2), x);
}

namespace detail {

// e^-|x|, with the bits of exp(). Of the factors of a power 2^n only the one for n < -126 is needed here: 2^-64.
[[gnu::always_inline]] inline float exp_of_minus_size(float x) {
  const float minus_size = -std::fabs(x);
  const auto [n, r] = exp_parts(minus_size < exp_bounds.low ? exp_bounds.low : minus_size);
  return (1 + expm1_near_zero(r)) * power_of_two(n + 64) * 0x1p-64f;
}
inline double exp_of_minus_size(double x) { return exp(x < 0 ? x : -x); }

}  // namespace detail

// 1 / (1 + e^-x); 2.5 ulp for float.
template <class T>
[[gnu::always_inline]] inline T sigmoid(T x) {
  const T e = detail::exp_of_minus_size(x);
  return (x < 0 ? e : T{1}) / (1 + e);
}

// log(1 + e^x); 1.7 ulp for float.
template <class T>
[[gnu::always_inline]] inline T softplus(T x) {
  return (x < 0 ? T{0} : x) + log1p(detail::exp_of_minus_size(x));
}

// The error function, x P(x^2) / Q(x^2); |erf(x)| <= 1; 7.0 ulp.
[[gnu::always_inline]] inline float erf(float x) {
  const float z = detail::bounded(x, detail::erf_bounds), t = z * z;
  const float p = detail::polynomial(
      t, {1.12837917f, 0.18987906f, 0.0526792482f, 0.00374281895f, 0.000284338748f, 2.05388801e-06f});
  const float q =
      detail::polynomial(t, {1.0f, 0.501608849f, 0.113891192f, 0.0149239656f, 0.00115692685f, 3.81022983e-05f});
  return detail::bounded(z * p / q, detail::one);
}

// The sine of |x| < trigonometric_limit; 1.7 ulp. NaN for infinities.
inline constexpr float trigonometric_limit = 0x1p28f;
[[gnu::always_inline]] inline float sin(float x) {
  const auto [n, r] = detail::reduce_angle(x);
  const float y = detail::sin_of(static_cast<std::int32_t>(n & 3), r);
  return detail::magnitude(x) < 0x1p-12f ? x : y;
}
// The cosine of |x| < trigonometric_limit; 1.7 ulp.
[[gnu::always_inline]] inline float cos(float x) {
  const auto [n, r] = detail::reduce_angle(x);
  return detail::sin_of(static_cast<std::int32_t>((n + 1) & 3), r);
}

namespace detail {

// x^y for x >= 0 by way of double; NaN for 0^0, infinity^0 and 1^infinity.
[[gnu::always_inline]] inline float pow_of_positive(float x, float y) {
  const auto [k, f] = log_parts_of_any(x);
  const double m = f, s = m / (2 + m), z = s * s;
  // log(1 + f) = 2 artanh(s), a series in odd powers of s.
  const double log_m =
      s * (2 + z * polynomial(z, {0.66666665645435597, 0.40000335194513631, 0.28537308350408164, 0.23582154455035087}));
  const double infinity = std::numeric_limits<double>::infinity();
  const double finite = k + log_m * 0x1.71547652b82fep+0;
  const double wide = x, positive = wide < infinity ? finite : wide, log2_x = wide == 0 ? -infinity : positive;
  const double power = bounded(log2_x * y, pow_bounds);

  constexpr double shift = 0x1.8p52;
  const double shifted = power + shift, r = (power - (shifted - shift)) * 0x1.62e42fefa39efp-1;
  const double exp_r = 1 + (r + r * r *
                                    polynomial(r, {0.49999993447560176, 0.16666520629439191, 0.041668388092697115,
                                                   0.0083687170908609346, 0.0013814596382385677}));
  const std::uint64_t exponent = std::bit_cast<std::uint64_t>(shifted) + 1023;
  return static_cast<float>(exp_r * std::bit_cast<double>(exponent << 52));
}

}  // namespace detail

// x^y; 0.6 ulp, on 4.5e8 pairs.
[[gnu::always_inline]] inline float pow(float x, float y) {
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float size = detail::magnitude(x), exponent_size = detail::magnitude(y);
  const float whole = exponent_size < 0x1p24f ? exponent_size : 0.0f;  // larger exponents are even
  const std::int32_t n = static_cast<std::int32_t>(whole);
  const float signless = detail::pow_of_positive(size, y);
  // Of a negative base: the sign of odd powers; NaN for fractional ones.
  const float with_parity = (n & 1) != 0 ? detail::with_sign(signless, x) : signless;
  const float of_fraction = x < 0 ? (size == infinity ? signless : nan) : signless;
  const float value = static_cast<float>(n) == whole ? with_parity : of_fraction;
  const float of_minus_one = x == -1 ? (exponent_size == infinity ? 1.0f : value) : value;
  return x == 1 ? 1.0f : (y == 0 ? 1.0f : of_minus_one);
}

}  // namespace ravel::kernels
