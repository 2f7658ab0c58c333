// Reductions over any dimensions: sums, maxima, and whatever else combines two values into one.
//
// How the elements of an output are combined is fixed by their number alone: in chunks of reduce_chunk; within a chunk
// element i goes to lane i % reduce_lanes and the lanes are combined in halves; then the chunks, pairwise. So the bits
// depend neither on threads nor on strides nor on the instruction set nor on which of the two kernels ran, and the
// rounding error of a sum grows with the logarithm of its length.
#pragma once

#include <algorithm>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/autograd/tensor.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/map.hpp"

namespace ravel::kernels {

#if defined(RAVEL_TINY_BLOCKS)
inline constexpr std::int64_t reduce_lanes = 2, reduce_columns = 3;
#else
inline constexpr std::int64_t reduce_lanes = 16;
inline constexpr std::int64_t reduce_columns = 256;  // outputs side by side whose lanes stay in L1
#endif
inline constexpr std::int64_t reduce_chunk = block_size;

// What reductions combine with. The last two keep a NaN that they have met.
inline constexpr auto add = [](auto a, auto b) { return a + b; };
inline constexpr auto larger = [](auto a, auto b) {
  const auto more = a > b ? a : b;
  return a != a ? a : more;
};
inline constexpr auto smaller = [](auto a, auto b) {
  const auto less = a < b ? a : b;
  return a != a ? a : less;
};

// How the memory of an array looks to a reduction.
struct ReductionPlan {
  Shape kept;            // the shape of the output
  std::int64_t outputs;  // its elements
  std::int64_t reduced;  // how many elements each of them combines
  std::int64_t chunks;   // of each output
  Layout stream;         // of (kept..., reduced...): all elements, output by output
  Layout outer, rows;    // of the kept dimensions without the innermost run of `columns` adjacent outputs, and of the
  std::int64_t columns;  // reduced ones: for the kernel by rows
  bool by_rows;          // is that kernel the faster one?
};
ReductionPlan plan_reduction(const Array& x, const Dims& dims);

// Where the elements begin..begin + count - 1 of a layout are, in elements from its first.
void fill_offsets(const Layout& layout, std::int64_t begin, std::int64_t count, std::int64_t* offsets);

// Combines f(begin), ..., f(count - 1) into the lanes, and these into one; `begin` is a multiple of their number.
template <class T, class Combine, class F>
T finish_lanes(T* lanes, std::int64_t begin, std::int64_t count, const Combine& combine, const F& f) {
  std::int64_t i = begin;
  for (; i + reduce_lanes <= count; i += reduce_lanes) {
    RAVEL_KEEP_LOOP
    for (std::int64_t l = 0; l < reduce_lanes; ++l) lanes[l] = combine(lanes[l], f(i + l));
  }
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] = combine(lanes[l], f(i + l));
  for (std::int64_t half = reduce_lanes / 2; half > 0; half /= 2) {
    for (std::int64_t l = 0; l < half; ++l) lanes[l] = combine(lanes[l], lanes[l + half]);
  }
  return lanes[0];
}

// f(0), ..., f(count - 1), combined by lanes; compiled for the level of the at_level() body that it is called in.
template <class T, class Combine, class F>
T combine_lanes(std::int64_t count, T identity, const Combine& combine, const F& f) {
  T lanes[reduce_lanes];
  for (std::int64_t l = 0; l < reduce_lanes; ++l) lanes[l] = identity;
  return finish_lanes(lanes, 0, count, combine, f);
}

// y[0] .. y[3], the results of combine_lanes() for the four runs of elements that lie one after the other in x and are
// counts[0] .. counts[3] long: four chains at a time, which do not wait for each other.
template <class In, class T, class Combine>
void combine_four(const In* x, const std::int64_t* counts, T identity, const Combine& combine, T* y) {
  const In *const x0 = x, *const x1 = x0 + counts[0], *const x2 = x1 + counts[1], *const x3 = x2 + counts[2];
  const auto get = [](const In* from, std::int64_t i) { return static_cast<T>(element(from, i)); };
  T a[reduce_lanes], b[reduce_lanes], c[reduce_lanes], d[reduce_lanes];
  for (std::int64_t l = 0; l < reduce_lanes; ++l) a[l] = b[l] = c[l] = d[l] = identity;
  const std::int64_t common = std::min(std::min(counts[0], counts[1]), std::min(counts[2], counts[3]));
  std::int64_t i = 0;
  for (; i + reduce_lanes <= common; i += reduce_lanes) {
    for (const In* const from : {x0, x1, x2, x3}) __builtin_prefetch(from + i + 4 * reduce_chunk);
    RAVEL_KEEP_LOOP
    for (std::int64_t l = 0; l < reduce_lanes; ++l) a[l] = combine(a[l], get(x0, i + l));
    RAVEL_KEEP_LOOP
    for (std::int64_t l = 0; l < reduce_lanes; ++l) b[l] = combine(b[l], get(x1, i + l));
    RAVEL_KEEP_LOOP
    for (std::int64_t l = 0; l < reduce_lanes; ++l) c[l] = combine(c[l], get(x2, i + l));
    RAVEL_KEEP_LOOP
    for (std::int64_t l = 0; l < reduce_lanes; ++l) d[l] = combine(d[l], get(x3, i + l));
  }
  y[0] = finish_lanes(a, i, counts[0], combine, [=](std::int64_t k) { return get(x0, k); });
  y[1] = finish_lanes(b, i, counts[1], combine, [=](std::int64_t k) { return get(x1, k); });
  y[2] = finish_lanes(c, i, counts[2], combine, [=](std::int64_t k) { return get(x2, k); });
  y[3] = finish_lanes(d, i, counts[3], combine, [=](std::int64_t k) { return get(x3, k); });
}

// Combines `count` <= reduce_chunk rows of `columns` elements column by column into y. Row i is at x + offsets[i], or,
// without offsets, where the row before it ends. `lanes` has space for min(count, reduce_lanes) rows.
template <class In, class T, class Combine>
void combine_rows(const In* x, const std::int64_t* offsets, std::int64_t count, std::int64_t columns, T identity,
                  const Combine& combine, T* lanes, T* y) {
  at_level([=] {
    for (std::int64_t i = 0; i < std::min(count, reduce_lanes) * columns; ++i) lanes[i] = identity;
    const std::int64_t step = offsets ? 1 : reduce_lanes;  // dense rows for all lanes are one long row
    const auto at = [=](std::int64_t row) { return x + (offsets ? offsets[row] : row * columns); };
    std::int64_t first = 0;
    for (; first + 4 * reduce_lanes <= count; first += 4 * reduce_lanes) {  // four rows of a lane, one after the other
      for (std::int64_t row = first; row < first + reduce_lanes; row += step) {
        const In *const a = at(row), *const b = at(row + reduce_lanes);
        const In *const c = at(row + 2 * reduce_lanes), *const d = at(row + 3 * reduce_lanes);
        T* const lane = lanes + (row - first) * columns;
        RAVEL_INDEPENDENT
        for (std::int64_t i = 0; i < step * columns; ++i) {
          const T half = combine(combine(lane[i], static_cast<T>(element(a, i))), static_cast<T>(element(b, i)));
          lane[i] = combine(combine(half, static_cast<T>(element(c, i))), static_cast<T>(element(d, i)));
        }
      }
    }
    for (std::int64_t row = first; row < count; row += step) {
      const In* const from = at(row);
      T* const lane = lanes + row % reduce_lanes * columns;
      const std::int64_t length = std::min(step, count - row) * columns;
      RAVEL_INDEPENDENT
      for (std::int64_t i = 0; i < length; ++i) lane[i] = combine(lane[i], static_cast<T>(element(from, i)));
    }
    for (std::int64_t half = reduce_lanes / 2; half > 0; half /= 2) {
      const std::int64_t used = std::min(half, count - half) * columns;
      RAVEL_INDEPENDENT
      for (std::int64_t i = 0; i < used; ++i) lanes[i] = combine(lanes[i], lanes[i + half * columns]);
    }
    for (std::int64_t i = 0; i < columns; ++i) y[i] = lanes[i];
  });
}

// The same for the transposed matrix: row i of x, of `count` elements, goes into y[i].
template <class In, class T, class Combine>
void combine_columns(const In* x, std::int64_t rows, std::int64_t count, T identity, const Combine& combine, T* y) {
  if (count > reduce_lanes || rows < 4) {
    at_level([=] {
      for (std::int64_t i = 0; i < rows; ++i) {
        const In* const from = x + i * count;
        y[i] =
            combine_lanes(count, identity, combine, [=](std::int64_t k) { return static_cast<T>(element(from, k)); });
      }
    });
    return;
  }
  // Short rows would leave most lanes idle.
  alignas(64) T lanes[block_size];
  alignas(64) In turned[block_size];
  // Not at_level(): gathered or scattered vectors would be slower than single elements.
  for (std::int64_t i = 0; i < rows; ++i) {
    In* to = turned + i;
    for (std::int64_t k = 0; k < count; ++k, to += rows) *to = x[i * count + k];
  }
  combine_rows(turned, nullptr, count, rows, identity, combine, lanes, y);
}

// reduce_stream() for packed elements, four chunks at a time: does those from number `begin` on, but for at most three
// before `end`, and returns the first that it left.
template <class In, class T, class Combine>
std::int64_t reduce_packed(const In* x, const ReductionPlan& plan, T identity, const Combine& combine, T* partial,
                           std::int64_t begin, std::int64_t end) {
  const std::int64_t reduced = plan.reduced, chunks = plan.chunks, outputs = plan.outputs;
  at_level([=, &begin] {
    std::int64_t output = begin / chunks, chunk = begin % chunks;
    for (; begin + 4 <= end; begin += 4) {
      const In* const from = x + output * reduced + chunk * reduce_chunk;
      std::int64_t counts[4], places[4];
      T results[4];
      for (std::int64_t i = 0; i < 4; ++i) {
        counts[i] = std::min(reduce_chunk, reduced - chunk * reduce_chunk);
        places[i] = chunk * outputs + output;
        if (++chunk == chunks) {
          chunk = 0;
          ++output;
        }
      }
      combine_four(from, counts, identity, combine, results);
      for (std::int64_t i = 0; i < 4; ++i) partial[places[i]] = results[i];
    }
  });
  return begin;
}

// The kernel for outputs whose own elements are neighbours in memory, and for all others that have no better one: reads
// the elements of one output after the other. Writes the chunks of output i to partial[chunk * outputs + i].
template <class In, class T, class Combine>
void reduce_stream(const Array& x, const ReductionPlan& plan, T identity, const Combine& combine, T* partial) {
  const std::int64_t size = std::min(plan.reduced, reduce_chunk);
  // Short outputs share a block, whole vectors of them where they are that short.
  const std::int64_t fitting = plan.chunks == 1 ? block_size / size : 1;
  const std::int64_t together = fitting > reduce_lanes ? fitting / reduce_lanes * reduce_lanes : fitting;
  const std::int64_t grain = std::max<std::int64_t>(1, elements_per_task / size);
  parallel(plan.outputs * plan.chunks, grain, [&](std::int64_t begin, std::int64_t end) {
    if (together < 4 && plan.stream.shape.rank() == 1 && plan.stream.strides[0] == 1) {
      begin = reduce_packed(x.data<In>(), plan, identity, combine, partial, begin, end);
    }
    if (begin == end) return;
    BlockReader<In> reader;
    reader.start(x, plan.stream, begin / plan.chunks * plan.reduced + begin % plan.chunks * reduce_chunk);
    for (std::int64_t task = begin; task < end; task += together) {
      const std::int64_t chunk = task % plan.chunks, count = std::min(together, end - task);
      const std::int64_t length = std::min(size, plan.reduced - chunk * reduce_chunk);
      const In* const block = reader.next(count * length);
      combine_columns(block, count, length, identity, combine, partial + chunk * plan.outputs + task / plan.chunks);
    }
  });
}

// The kernel for outputs that are neighbours in memory: adds up whole rows of them. Writes what reduce_stream() writes.
template <class In, class T, class Combine>
void reduce_rows(const Array& x, const ReductionPlan& plan, T identity, const Combine& combine, T* partial) {
  const std::int64_t tiles = (plan.columns + reduce_columns - 1) / reduce_columns;
  const std::int64_t outer = plan.outputs / plan.columns, size = std::min(plan.reduced, reduce_chunk);
  const bool dense = tiles == 1 && plan.rows.shape.rank() == 1 && plan.rows.strides[0] == plan.columns;
  const std::int64_t grain =
      std::max<std::int64_t>(1, elements_per_task / (size * std::min(plan.columns, reduce_columns)));
  parallel(outer * plan.chunks * tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> lanes(reduce_lanes * std::min(plan.columns, reduce_columns));
    std::int64_t offsets[reduce_chunk], base = 0;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t tile = task % tiles, chunk = task / tiles % plan.chunks, block = task / tiles / plan.chunks;
      const std::int64_t column = tile * reduce_columns, count = std::min(size, plan.reduced - chunk * reduce_chunk);
      if (task == begin || (tile == 0 && plan.chunks > 1))
        fill_offsets(plan.rows, chunk * reduce_chunk, count, offsets);
      if (task == begin || tile == 0) fill_offsets(plan.outer, block, 1, &base);
      const std::int64_t width = std::min(reduce_columns, plan.columns - column);
      const In* const from = x.data<In>() + base + column + (dense ? offsets[0] : 0);
      combine_rows(from, dense ? nullptr : offsets, count, width, identity, combine, lanes.data(),
                   partial + chunk * plan.outputs + block * plan.columns + column);
    }
  });
}

// Combines the chunks of each output pairwise; partial[0 .. outputs - 1] has the results.
template <class T, class Combine>
void combine_chunks(T* partial, std::int64_t outputs, std::int64_t chunks, const Combine& combine) {
  const std::int64_t grain = std::max<std::int64_t>(1, elements_per_task / chunks);
  parallel(outputs, grain, [&](std::int64_t begin, std::int64_t end) {
    at_level([=, &combine] {
      for (std::int64_t apart = 1; apart < chunks; apart *= 2) {
        for (std::int64_t chunk = 0; chunk + apart < chunks; chunk += 2 * apart) {
          T* const y = partial + chunk * outputs;
          RAVEL_INDEPENDENT
          for (std::int64_t i = begin; i < end; ++i) y[i] = combine(y[i], y[i + apart * outputs]);
        }
      }
    });
  });
}

// `combine`, which is associative but for rounding, over the dimensions `dims` of x, whose elements are In and are
// converted to T. The result has the kept dimensions only; where nothing is combined it is `identity`.
template <class T, class In = T, class Combine>
Tensor reduce(const Tensor& x, const Dims& dims, T identity, const Combine& combine) {
  const ReductionPlan plan = plan_reduction(x.array(), dims);
  Ref<Array> y = Array::packed(dtype_of<T>, plan.kept);
  T* const out = y->data<T>();
  if (plan.reduced == 0) std::fill(out, out + plan.outputs, identity);
  if (plan.reduced == 0 || plan.outputs == 0) return Tensor(std::move(y));
  const Scratch<T> scratch(plan.chunks > 1 ? plan.outputs * plan.chunks : 0);
  T* const partial = plan.chunks > 1 ? scratch.data() : out;
  if (plan.by_rows) {
    reduce_rows<In>(x.array(), plan, identity, combine, partial);
  } else {
    reduce_stream<In>(x.array(), plan, identity, combine, partial);
  }
  if (plan.chunks > 1) {
    combine_chunks(partial, plan.outputs, plan.chunks, combine);
    std::copy_n(partial, plan.outputs, out);
  }
  return Tensor(std::move(y));
}

// For each row of `count` packed elements the first index whose element equals the row's `best`, or is NaN.
template <class T>
Tensor first_index(const T* x, std::int64_t count, const Tensor& best) {
  Ref<Array> y = Array::packed(i64, best.shape());
  const T* const value = best.data<T>();
  std::int64_t* const out = y->data<std::int64_t>();
  const std::int64_t rows = best.numel();
  parallel(rows, std::max<std::int64_t>(1, elements_per_task / count), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const from = x + row * count;
      std::int64_t i = 0;
      while (i < count - 1 && from[i] != value[row] && from[i] == from[i]) ++i;
      out[row] = i;
    }
  });
  return Tensor(std::move(y));
}

// y = running sums of the `count` elements x[0], x[step], ..., written to the same places of y, for each of n rows that
// lie `pitch` elements apart. Several rows at a time do not wait for each other's additions.
template <int n, class T>
void cumulate_rows(const T* x, T* y, std::int64_t count, std::int64_t step, std::int64_t pitch) {
  T sums[n];
  for (int row = 0; row < n; ++row) sums[row] = y[row * pitch] = x[row * pitch];
  for (std::int64_t k = 1; k < count; ++k) {
    for (int row = 0; row < n; ++row) y[row * pitch + k * step] = sums[row] = sums[row] + x[row * pitch + k * step];
  }
}

// The same for `inner` columns side by side.
template <class T>
void cumulate_columns(const T* x, T* y, std::int64_t count, std::int64_t inner, std::int64_t step) {
  std::copy_n(x, inner, y);
  at_level([=] {
    const T* from = x;
    T* to = y;
    for (std::int64_t k = 1; k < count; ++k) {
      const T* const before = to;
      from += step;
      to += step;
      RAVEL_INDEPENDENT
      for (std::int64_t i = 0; i < inner; ++i) to[i] = before[i] + from[i];
    }
  });
}

// The running sums of the packed tensor x, seen as (outer, count, inner), along its middle dimension, from its end with
// `reverse`.
template <class T>
Tensor cumulate(const Tensor& x, std::int64_t count, std::int64_t inner, bool reverse) {
  Ref<Array> y = Array::packed(dtype_of<T>, x.shape());
  const std::int64_t size = count * inner, step = reverse ? -inner : inner, first = reverse ? size - inner : 0;
  if (size == 0) return Tensor(std::move(y));
  parallel(x.numel() / size, std::max<std::int64_t>(1, elements_per_task / size),
           [&](std::int64_t begin, std::int64_t end) {
             std::int64_t outer = begin;
             const auto next = [&] { return x.array().data<T>() + outer * size + first; };
             const auto to = [&] { return y->data<T>() + outer * size + first; };
             if (inner == 1) {
               for (; outer + 4 <= end; outer += 4) cumulate_rows<4>(next(), to(), count, step, size);
               for (; outer < end; ++outer) cumulate_rows<1>(next(), to(), count, step, size);
             }
             for (; outer < end; ++outer) cumulate_columns(next(), to(), count, inner, step);
           });
  return Tensor(std::move(y));
}

}  // namespace ravel::kernels
