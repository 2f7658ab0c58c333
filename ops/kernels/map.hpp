// Elementwise kernels: one loop for every function, type and number of inputs.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/autograd/tensor.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/stream.hpp"

namespace ravel::kernels {

// x[i]. A mask is read as bytes, because GCC vectorises no loads of bool.
template <class T>
T element(const T* x, std::int64_t i) {
  if constexpr (std::is_same_v<T, bool>) {
    return reinterpret_cast<const unsigned char*>(x)[i] != 0;
  } else {
    return x[i];
  }
}

// y[i] = f(x[i]...) for packed arrays of `count` elements; y may be one of the inputs.
template <class F, class Out, class... In>
void map_loop(const F& f, std::int64_t count, Out* y, const In*... x) {
  at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) y[i] = f(element(x, i)...);
  });
}

// The same for a large y, which is none of the inputs: written past the caches, in short blocks, so that writing goes
// on while the next one is calculated.
template <class F, class Out, class... In>
void map_streamed(const F& f, std::int64_t count, Out* y, const In*... x) {
  constexpr std::int64_t size = block_size / 4;
  alignas(64) Out block[size];
  for (std::int64_t begin = 0; begin < count; begin += size) {
    const std::int64_t n = std::min(size, count - begin);
    map_loop(f, n, block, (x + begin)...);
    stream(y + begin, block, n * static_cast<std::int64_t>(sizeof(Out)));
  }
  finish_streams();
}

// Rows of an array whose elements lie side by side: row r begins at data + r * pitch. A pitch of 0 repeats one row.
template <class T>
struct PitchedRows {
  const T* data;
  std::int64_t pitch;
};

// y[r, i] = f(x[r, i]...) for packed y (rows, columns).
template <class F, class Out, class... In>
void map_pitched_rows(const F& f, std::int64_t rows, std::int64_t columns, Out* y, PitchedRows<In>... x) {
  at_level([=] {
    for (std::int64_t r = 0; r < rows; ++r) {
      Out* const to = y + r * columns;
      RAVEL_INDEPENDENT
      for (std::int64_t i = 0; i < columns; ++i) to[i] = f(element(x.data + r * x.pitch, i)...);
    }
  });
}

// y[i] = f of the next `count` elements that the readers hand out.
template <class F, class Out, class... In>
void map_block(const F& f, std::int64_t count, Out* y, BlockReader<In>&... x) {
  map_loop(f, count, y, x.next(count)...);
}
// The same for two readers. A number that one repeats, as a column beside a matrix does, becomes a part of f.
template <class F, class Out, class A, class B>
void map_block(const F& f, std::int64_t count, Out* y, BlockReader<A>& a, BlockReader<B>& b) {
  if (const A* const number = a.repeated(count)) {
    map_loop([f, u = *number](B v) { return f(u, v); }, count, y, b.next(count));
  } else if (const B* const number = b.repeated(count)) {
    map_loop([f, v = *number](A u) { return f(u, v); }, count, y, a.next(count));
  } else {
    map_loop(f, count, y, a.next(count), b.next(count));
  }
}

// How far apart the rows of `columns` elements are in an array of this layout; none if it is not made of such rows, or
// their elements do not lie side by side.
inline std::optional<std::int64_t> row_pitch(const Layout& layout, std::int64_t columns) {
  if (layout.strides.back() != 1) return std::nullopt;
  if (layout.shape.rank() == 1) return columns;
  if (layout.shape.rank() == 2 && layout.shape.back() == columns) return layout.strides[0];
  return std::nullopt;
}

// Writes f of the elements of the arrays `x`, which have equal shapes, into the packed array `out`. In... are their
// element types. `out` may be one of them.
template <class... In, class Out, class F>
void map_into(Out* out, const F& f, const std::array<const Array*, sizeof...(In)>& x) {
  bool packed = true;
  for (const Array* array : x) packed &= array->is_packed();
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    if (packed) {
      const bool large = x[0]->numel() >= streamed_bytes / static_cast<std::int64_t>(sizeof(Out));
      const bool in_place = ((x[I]->template data<In>() == static_cast<const void*>(out)) || ...);
      parallel(x[0]->numel(), elements_per_task, [&](std::int64_t begin, std::int64_t end) {
        // Functions of one number do not gain: many calculate for longer than it takes to write a line.
        if constexpr (sizeof...(In) > 1) {
          if (large && !in_place) {
            return map_streamed(f, end - begin, out + begin, (x[I]->template data<In>() + begin)...);
          }
        }
        map_loop(f, end - begin, out + begin, (x[I]->template data<In>() + begin)...);
      });
      return;
    }
    const std::array<Layout, sizeof...(In)> layouts{coalesce(x[I]->shape(), x[I]->strides())...};
    const std::int64_t columns = std::min({layouts[I].shape.back()...});
    const bool long_rows = columns >= block_size / 4;
    if constexpr (sizeof...(In) > 1) {
      const std::array pitches{row_pitch(layouts[I], columns)...};
      if (long_rows && std::find(pitches.begin(), pitches.end(), std::nullopt) == pitches.end()) {
        parallel(x[0]->numel(), elements_per_task, [&](std::int64_t begin, std::int64_t end) {
          while (begin < end) {  // a share may begin and end within a row
            const std::int64_t row = begin / columns, column = begin % columns;
            const std::int64_t width = std::min(columns - column, end - begin);
            const std::int64_t rows = width == columns ? (end - begin) / columns : 1;
            map_pitched_rows(f, rows, width, out + begin,
                             PitchedRows<In>{x[I]->template data<In>() + row * *pitches[I] + column, *pitches[I]}...);
            begin += rows * width;
          }
        });
        return;
      }
    }
    // Blocks end where rows do, so that rows are read in place, unless these are short.
    const std::int64_t row = long_rows ? columns : x[0]->numel();
    parallel(x[0]->numel(), elements_per_task, [&](std::int64_t begin, std::int64_t end) {
      std::tuple<BlockReader<In>...> readers;
      (std::get<I>(readers).start(*x[I], layouts[I], begin), ...);
      while (begin < end) {
        const std::int64_t count = std::min({block_size, end - begin, row - begin % row});
        map_block(f, count, out + begin, std::get<I>(readers)...);
        begin += count;
      }
    });
  }
  (std::index_sequence_for<In...>());
}

// f of the elements of tensors of equal shape, outside of the graph. In... are their element types, in order; the
// result's type is that of f(In...).
template <class... In, class F, class... Tensors>
Tensor map(const F& f, const Tensor& first, const Tensors&... others) {
  static_assert(sizeof...(In) == 1 + sizeof...(Tensors));
  require(((first.shape() == others.shape()) && ...), "map: the shapes of the inputs differ; use broadcast()");
  require(std::array{first.dtype(), others.dtype()...} == std::array{dtype_of<In>...},
          "map: the inputs are not of the types that were named for them");
  using Out = std::invoke_result_t<const F&, In...>;
  Ref<Array> y = Array::packed(dtype_of<Out>, first.shape());
  map_into<In...>(y->data<Out>(), f, {&first.array(), &others.array()...});
  return Tensor(std::move(y));
}

// The element type of the inputs of an op, which must all be the same; an error that names both otherwise.
template <class... Tensors>
Dtype common_dtype([[maybe_unused]] const char* op, const Tensor& first, const Tensors&... others) {
  (require(first.dtype() == others.dtype(), "{}: the inputs are {} and {}; use cast(x, {})", op, first.dtype(),
           others.dtype(), first.dtype()),
   ...);
  return first.dtype();
}

namespace detail {
template <class T, class>
using Repeat = T;

// The type of f(T, ...), with a T for each of the tensors.
template <class F, class T, class... Tensors>
using ResultOf = std::invoke_result_t<const F&, Repeat<T, Tensors>...>;
}  // namespace detail

// f of the elements of f32 or f64 tensors of one type and equal shapes: a number of that type, or a bool. `op` is for
// errors.
template <class F, class... Tensors>
Tensor map_floating(const char* op, const F& f, const Tensors&... x) {
  return visit_floating(common_dtype(op, x...), op, [&]<class T>() {
    using Result = detail::ResultOf<F, T, Tensors...>;
    static_assert(std::is_same_v<Result, T> || std::is_same_v<Result, bool>, "f(float) is no float: 1.0 for T(1)?");
    return map<detail::Repeat<T, Tensors>...>(f, x...);
  });
}

// As map_floating, into the memory of `x` where nothing else refers to it. For ops that take x by value and whose
// formulas do not use it.
template <class F, class... Tensors>
Tensor map_reusing(const char* op, const F& f, Tensor& x, const Tensors&... others) {
  const bool same_shapes = ((x.shape() == others.shape()) && ...);
  if (!same_shapes || !x.array().is_reusable()) return map_floating(op, f, x, others...);
  visit_floating(common_dtype(op, x, others...), op, [&]<class T>() {
    static_assert(std::is_same_v<detail::ResultOf<F, T, Tensor, Tensors...>, T>, "f(float) is no float");
    map_into<T, detail::Repeat<T, Tensors>...>(x.array_ref()->template data<T>(), f, {&x.array(), &others.array()...});
  });
  return x.detach();
}

// The same for a gradient, unless the graph is recorded: the formulas of a gradient's own gradient may use it. To be
// called before the edges are made, since one that captures g refers to it.
template <class F, class... Tensors>
Tensor map_gradient(const char* op, const F& f, Tensor& g, const Tensors&... others) {
  return is_recording() ? map_floating(op, f, g, others...) : map_reusing(op, f, g, others...);
}

// As map_floating, for f32, f64 and i64.
template <class F, class... Tensors>
Tensor map_numeric(const char* op, const F& f, const Tensors&... x) {
  return visit_numeric(common_dtype(op, x...), op,
                       [&]<class T>() { return map<detail::Repeat<T, Tensors>...>(f, x...); });
}

// The same for every type.
template <class F, class... Tensors>
Tensor map_any(const char* op, const F& f, const Tensors&... x) {
  return visit_any(common_dtype(op, x...), [&]<class T>() { return map<detail::Repeat<T, Tensors>...>(f, x...); });
}

}  // namespace ravel::kernels
