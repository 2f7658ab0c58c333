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
inline constexpr std::int64_t reduce_lanes = 2, reduce_columns = 3, reduce_strips = 2, reduce_runs = 3;
#else
inline constexpr std::int64_t reduce_lanes = 16;
inline constexpr std::int64_t reduce_columns = 256;  // outputs side by side
inline constexpr std::int64_t reduce_strips = 4;     // of that many, whose lanes stay near the core
inline constexpr std::int64_t reduce_runs = 16;      // whose lanes are combined together
#endif
inline constexpr std::int64_t reduce_chunk = block_size;

// What reductions combine with. The last two keep a NaN that they have met: a comparison with one is false, and only
// the new value b, which waits for nothing, is asked.
inline constexpr auto add = [](auto a, auto b) { return a + b; };
inline constexpr auto larger = [](auto a, auto b) {
  const auto more = b > a ? b : a;
  return b != b ? b : more;
};
inline constexpr auto smaller = [](auto a, auto b) {
  const auto less = b < a ? b : a;
  return b != b ? b : less;
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

// Combines f(i), f(i + 1), ... with the lanes in `sums`, as long as they fill all of them; the first that do not is
// returned. Compiled for the level of the at_level() body that it is called in, as are the next five.
template <class T, class Combine, class F>
std::int64_t combine_whole_lanes(std::int64_t i, std::int64_t count, const Combine& combine, const F& f,
                                 T (&sums)[reduce_lanes]) {
  for (; i + reduce_lanes <= count; i += reduce_lanes) {
    RAVEL_KEEP_LOOP
    for (std::int64_t l = 0; l < reduce_lanes; ++l) sums[l] = combine(sums[l], f(i + l));
  }
  return i;
}

// Combines f(0), ..., f(count - 1) into lanes[0 .. reduce_lanes - 1].
template <class T, class Combine, class F>
void fill_lanes(std::int64_t count, T identity, const Combine& combine, const F& f, T* lanes) {
  T sums[reduce_lanes];  // in registers, which `lanes` cannot be
  for (std::int64_t l = 0; l < reduce_lanes; ++l) sums[l] = identity;
  const std::int64_t i = combine_whole_lanes(0, count, combine, f, sums);
  RAVEL_KEEP_LOOP
  for (std::int64_t l = 0; l < reduce_lanes; ++l) lanes[l] = sums[l];
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] = combine(lanes[l], f(i + l));
}

// Combines f(0), ..., f(count - 1) with lanes that hold something already, f(i) with lane (first + i) % reduce_lanes.
template <class T, class Combine, class F>
void add_to_lanes(std::int64_t first, std::int64_t count, const Combine& combine, const F& f, T* lanes) {
  std::int64_t i = 0;
  for (; (first + i) % reduce_lanes != 0 && i < count; ++i) {
    T& lane = lanes[(first + i) % reduce_lanes];
    lane = combine(lane, f(i));
  }
  T sums[reduce_lanes];
  for (std::int64_t l = 0; l < reduce_lanes; ++l) sums[l] = lanes[l];
  i = combine_whole_lanes(i, count, combine, f, sums);
  RAVEL_KEEP_LOOP
  for (std::int64_t l = 0; l < reduce_lanes; ++l) lanes[l] = sums[l];
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] = combine(lanes[l], f(i + l));
}

// Combines the lanes of each of n runs, 2 * half of them, which lie one after the other; lanes[i] is then the result of
// run i. One run alone would take scalar steps that wait for each other. (Iterations are independent: what one writes,
// only earlier ones have read.)
template <std::int64_t half = reduce_lanes / 2, class T, class Combine>
void combine_halves(T* lanes, std::int64_t n, const Combine& combine) {
  RAVEL_INDEPENDENT
  for (std::int64_t run = 0; run < n; ++run) {
    const T* const from = lanes + run * 2 * half;
    for (std::int64_t l = 0; l < half; ++l) lanes[run * half + l] = combine(from[l], from[half + l]);
  }
  if constexpr (half > 1) combine_halves<half / 2>(lanes, n, combine);
}

// f(0), ..., f(count - 1), combined by lanes.
template <class T, class Combine, class F>
T combine_lanes(std::int64_t count, T identity, const Combine& combine, const F& f) {
  alignas(64) T lanes[reduce_lanes];
  fill_lanes(count, identity, combine, f, lanes);
  combine_halves(lanes, 1, combine);
  return lanes[0];
}

// y[i], for n <= reduce_runs runs of lengths[i] elements that lie one after the other in x: each combined by lanes.
template <class In, class T, class Combine>
void combine_runs(const In* x, const std::int64_t* lengths, std::int64_t n, T identity, const Combine& combine, T* y) {
  alignas(64) T lanes[reduce_runs * reduce_lanes];
  for (std::int64_t run = 0; run < n; ++run) {
    fill_lanes(
        lengths[run], identity, combine, [=](std::int64_t k) { return static_cast<T>(element(x, k)); },
        lanes + run * reduce_lanes);
    x += lengths[run];
  }
  combine_halves(lanes, n, combine);
  std::copy_n(lanes, n, y);
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
    const std::int64_t group = 4 * reduce_lanes * columns;
    for (; first + 4 * reduce_lanes <= count; first += 4 * reduce_lanes) {  // four rows of a lane, one after the other
      // The next rows but one, if those of a group are few: the processor does not foresee jumps between four places.
      if (!offsets && group <= 1024)
        prefetch(x + first * columns + 2 * group, static_cast<std::size_t>(group) * sizeof(In));
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
      std::int64_t lengths[reduce_runs];
      std::fill(lengths, lengths + reduce_runs, count);
      for (std::int64_t i = 0; i < rows; i += reduce_runs) {
        combine_runs(x + i * count, lengths, std::min(reduce_runs, rows - i), identity, combine, y + i);
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

// reduce_stream() for elements that lie side by side in long enough pieces, without copies.
template <class In, class T, class Combine>
void reduce_pieces(const Array& x, const ReductionPlan& plan, T identity, const Combine& combine, T* partial,
                   std::int64_t begin, std::int64_t end) {
  at_level([=, &x, &plan] {
    const std::int64_t chunks = plan.chunks, outer = plan.stream.shape.rank() - 2;
    const std::int64_t next_row = outer < 0 ? 0 : plan.stream.strides[outer];
    std::int64_t output = begin / chunks, chunk = begin % chunks;
    BlockReader<In> reader;
    reader.start(x, plan.stream, output * plan.reduced + chunk * reduce_chunk);
    for (std::int64_t first = begin; first < end; first += reduce_runs) {
      const std::int64_t n = std::min(reduce_runs, end - first);
      alignas(64) T lanes[reduce_runs * reduce_lanes];
      std::int64_t places[reduce_runs];
      for (std::int64_t i = 0; i < n; ++i) {
        T* const lane = lanes + i * reduce_lanes;
        const std::int64_t length = std::min(reduce_chunk, plan.reduced - chunk * reduce_chunk);
        for (std::int64_t done = 0; done < length;) {
          const auto [from, count] = reader.next_piece(length - done);
          if (next_row != 0) prefetch(from + next_row, static_cast<std::size_t>(count) * sizeof(In));
          const auto value = [from = from](std::int64_t k) { return static_cast<T>(element(from, k)); };
          if (done == 0) {
            fill_lanes(count, identity, combine, value, lane);
          } else {
            add_to_lanes(done, count, combine, value, lane);
          }
          done += count;
        }
        places[i] = chunk * plan.outputs + output;
        if (++chunk == chunks) {
          chunk = 0;
          ++output;
        }
      }
      combine_halves(lanes, n, combine);
      for (std::int64_t i = 0; i < n; ++i) partial[places[i]] = lanes[i];
    }
  });
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
    const int last = plan.stream.shape.rank() - 1;
    const bool long_pieces = last == 0 || plan.stream.shape[last] >= 4 * reduce_lanes;
    if (size > reduce_lanes && plan.stream.strides[last] == 1 && long_pieces) {
      return reduce_pieces<In>(x, plan, identity, combine, partial, begin, end);
    }
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

// The kernel for outputs that are neighbours in memory: adds up whole rows of them, in strips of reduce_columns, of
// which a task takes a few together: long pieces of a row are read faster. Writes what reduce_stream() writes.
template <class In, class T, class Combine>
void reduce_rows(const Array& x, const ReductionPlan& plan, T identity, const Combine& combine, T* partial) {
  const std::int64_t columns = plan.columns, strips = (columns + reduce_columns - 1) / reduce_columns;
  const std::int64_t outer = plan.outputs / columns, size = std::min(plan.reduced, reduce_chunk);
  const bool packed = plan.rows.shape.rank() == 1 && plan.rows.strides[0] == columns;
  const std::int64_t grain = std::max<std::int64_t>(1, elements_per_task / (size * std::min(columns, reduce_columns)));
  parallel(outer * plan.chunks * strips, grain, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> lanes(reduce_lanes * std::min(columns, reduce_strips * reduce_columns));
    std::int64_t offsets[reduce_chunk], base = 0, together = 0;
    for (std::int64_t task = begin; task < end; task += together) {
      const std::int64_t strip = task % strips, chunk = task / strips % plan.chunks,
                         block = task / strips / plan.chunks;
      const std::int64_t column = strip * reduce_columns, count = std::min(size, plan.reduced - chunk * reduce_chunk);
      if (task == begin || (strip == 0 && plan.chunks > 1))
        fill_offsets(plan.rows, chunk * reduce_chunk, count, offsets);
      if (task == begin || strip == 0) fill_offsets(plan.outer, block, 1, &base);
      together = std::min({reduce_strips, strips - strip, end - task});
      const std::int64_t width = std::min(together * reduce_columns, columns - column);
      const bool dense = packed && width == columns;
      const In* const from = x.data<In>() + base + column + (dense ? offsets[0] : 0);
      combine_rows(from, dense ? nullptr : offsets, count, width, identity, combine, lanes.data(),
                   partial + chunk * plan.outputs + block * columns + column);
    }
  });
}

// Combines the chunks of each output pairwise; partial[0 .. outputs - 1] has the results.
template <class T, class Combine>
void combine_chunks(T* partial, std::int64_t outputs, std::int64_t chunks, const Combine& combine) {
  if (outputs == 1) {  // the same pairs, moved together
    return at_level([=, &combine] {
      for (std::int64_t left = chunks; left > 1; left -= left / 2) {
        combine_halves<1>(partial, left / 2, combine);
        if (left % 2 != 0) partial[left / 2] = partial[left - 1];
      }
    });
  }
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
