#include "ravel/ops/kernels/conv_depthwise.hpp"

#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/conv_planes.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {
namespace {

// More padding on the left, so that vectors of the source lie on whole vectors of the planes.
template <class T>
Axis aligned(Axis axis) {
  if (axis.stride > 1) return axis;
  const std::int64_t lanes = contraction<T>().lanes, more = round_up(axis.padding, lanes) - axis.padding;
  axis.padding += more;
  axis.extent = round_up(axis.extent + more, lanes);
  for (Axis::Tap& tap : axis.taps) tap.shift += more;
  return axis;
}

// The side of a square of `taps`, neighbours in rows that lie `step` apart; 0 if they are something else.
int side_of_square(const std::vector<std::int32_t>& taps, std::int64_t step) {
  const auto same = [&](std::int64_t side) {
    for (std::int64_t k = side; k < side * side; ++k) {
      const auto here = static_cast<std::size_t>(k), above = static_cast<std::size_t>(k - side);
      if (taps[here] - taps[above] != step) return false;
    }
    return true;
  };
  for (const int side : {3, 5, 7}) {
    if (std::ssize(taps) == side * side && same(side)) return side;
  }
  return 0;
}

// The sums at the points of one grid, which is all of the target or one residue of it: the offsets of the taps in the
// planes, the places of these taps in the filter, and where the vectors of a row begin.
template <class T>
struct Grid {
  Planes planes;
  std::vector<std::int32_t> taps = planes.tap_offsets(), filter, first;
  std::int64_t row;  // elements from one row of results to the next
  bool upwards;      // do taps go up the image, as those of an input gradient do? Then so do rows.
  int side;

  // `row` is a row of the target or, where results are stored elsewhere first, at least a whole vector. The last vector
  // of a row overlaps the one before, so that it ends with the row.
  Grid(const Axis& rows, const Axis& columns, std::int64_t kernel_columns, std::int64_t row)
      : planes(rows, aligned<T>(columns), 1, sizeof(T)), row(row) {
    for (const Axis::Tap& p : rows.taps) {
      for (const Axis::Tap& q : columns.taps) {
        filter.push_back(static_cast<std::int32_t>(p.kernel * kernel_columns + q.kernel));
      }
    }
    const std::int64_t lanes = contraction<T>().lanes;
    for (std::int64_t j = 0; j < columns.grid; j += lanes) {
      first.push_back(static_cast<std::int32_t>(std::max<std::int64_t>(0, std::min(j, columns.grid - lanes))));
    }
    upwards = taps.size() > 1 && taps.back() < taps.front();
    side = side_of_square(taps, upwards ? -planes.pitch() : planes.pitch());
  }

  // The sums for the planes at `image`, with the weights in the order of the taps, written to `to`; `epilogue` is that
  // of the channel.
  void operator()(const T* image, const T* weights, const ConvEpilogue<T>& epilogue, T* to) const {
    const std::int64_t last = upwards ? planes.rows().grid - 1 : 0, direction = upwards ? -1 : 1;
    contraction<T>().filter({.depth = std::ssize(taps),
                             .rows = planes.rows().grid,
                             .vectors = std::ssize(first),
                             .weights = weights,
                             .taps = taps.data(),
                             .side = side,
                             .bias = epilogue.bias,
                             .relu = epilogue.relu,
                             .from = image + last * planes.pitch(),
                             .to = to + last * row,
                             .columns = first.data(),
                             .from_row = direction * planes.pitch(),
                             .to_row = direction * row});
  }
};

// to[i * step + k] = from[k][i] for the residues k of a row of `count` elements, each `distance` after the one before.
template <class T>
void interleave(std::int64_t count, std::int64_t step, const T* from, std::int64_t distance, T* to) {
  if (step == 1) {
    std::copy_n(from, count, to);
  } else if (step == 2) {
    const T* const odd = from + distance;
    const std::int64_t pairs = count / 2;
    RAVEL_INDEPENDENT
    for (std::int64_t i = 0; i < pairs; ++i) {
      to[2 * i] = from[i];
      to[2 * i + 1] = odd[i];
    }
    if (count % 2 == 1) to[count - 1] = from[pairs];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i % step * distance + i / step];
  }
}

// One call: target[channel] = filter of the planes of source[channel], and what the epilogue says, for each of batch *
// groups channels.
template <class T>
class ChannelFilters {
 public:
  ChannelFilters(const ConvShape& shape, const std::vector<Axis>& rows, const std::vector<Axis>& columns,
                 std::int64_t height, std::int64_t width)
      : shape_(shape), height_(height), width_(width), columns_(std::ssize(columns)) {
    direct_ = rows[0].target_step == 1 && columns[0].target_step == 1 && width >= contraction<T>().lanes;
    const std::int64_t row = direct_ ? width : round_up(columns[0].grid, contraction<T>().lanes);
    for (const Axis& i : rows) {
      for (const Axis& j : columns) grids_.emplace_back(i, j, shape.kernel[1], row);
    }
    residue_ = direct_ ? 0 : rows[0].grid * row;
  }

  void operator()(const T* source, const T* weights, const ConvEpilogue<T>& epilogue, T* target) const {
    const Planes& planes = grids_[0].planes;
    const std::int64_t source_size = planes.rows().source * planes.columns().source;
    const std::int64_t taps = shape_.kernel[0] * shape_.kernel[1], work = height_ * width_ * (taps + 1);
    parallel_with(shape_.batch * shape_.groups, blocks_of(inline_work, work), [&] {
      return [&, image = Scratch<T>(planes.size(), T(0)), filter = Scratch<T>(taps),
              results = Scratch<T>(residue_ * columns_)](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t channel = item % shape_.groups;
          planes.load(source + item * source_size, 1, image.data());
          ConvEpilogue<T> own = epilogue;
          if (own.bias != nullptr) own.bias += channel;
          filter_channel(image.data(), weights + channel * taps, own, filter.data(), results.data(),
                         target + item * height_ * width_);
        }
      };
    });
  }

 private:
  // `filter` and `results` are scratch space.
  void filter_channel(const T* image, const T* weights, const ConvEpilogue<T>& epilogue, T* filter, T* results,
                      T* target) const {
    for (std::size_t i = 0; i < grids_.size(); i += static_cast<std::size_t>(columns_)) {
      for (std::int64_t j = 0; j < columns_; ++j) {
        const Grid<T>& grid = grids_[i + static_cast<std::size_t>(j)];
        for (std::size_t k = 0; k < grid.filter.size(); ++k) filter[k] = weights[grid.filter[k]];
        grid(image, filter, epilogue, direct_ ? target : results + j * residue_);
      }
      if (!direct_) write_rows(grids_[i], results, target);
    }
  }

  void write_rows(const Grid<T>& grid, const T* results, T* target) const {
    const Axis& rows = grid.planes.rows();
    at_level([=, this, &grid, &rows] {
      for (std::int64_t i = 0; i < rows.grid; ++i) {
        T* const to = target + (rows.target_first + i * rows.target_step) * width_;
        interleave(width_, columns_, results + i * grid.row, residue_, to);
      }
    });
  }

  const ConvShape shape_;
  const std::int64_t height_, width_, columns_;  // of the target; its residues in a row
  bool direct_;                                  // are vectors stored where they belong?
  std::int64_t residue_;                         // else they are kept until a row has all of them
  std::vector<Grid<T>> grids_;
};

}  // namespace

bool is_depthwise(const ConvShape& shape) {
  const bool empty = std::min({shape.in[0], shape.in[1], shape.out[0], shape.out[1]}) == 0;
  return shape.in_channels == 1 && shape.out_channels == 1 && !empty && shape.batch * shape.groups >= threads();
}

template <class T>
void depthwise_output(const ConvShape& shape, const T* x, const T* w, const ConvEpilogue<T>& epilogue, T* y) {
  ChannelFilters<T>(shape, {output_axis(shape, 0)}, {output_axis(shape, 1)}, shape.out[0], shape.out[1])(x, w, epilogue,
                                                                                                         y);
}

template <class T>
void depthwise_input_gradient(const ConvShape& shape, const T* dy, const T* w, T* dx) {
  ChannelFilters<T>(shape, input_gradient_axes(shape, 0), input_gradient_axes(shape, 1), shape.in[0], shape.in[1])(
      dy, w, {}, dx);
}

template void depthwise_output(const ConvShape&, const float*, const float*, const ConvEpilogue<float>&, float*);
template void depthwise_output(const ConvShape&, const double*, const double*, const ConvEpilogue<double>&, double*);
template void depthwise_input_gradient(const ConvShape&, const float*, const float*, float*);
template void depthwise_input_gradient(const ConvShape&, const double*, const double*, double*);

}  // namespace ravel::kernels
