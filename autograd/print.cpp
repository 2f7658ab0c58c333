#include "ravel/autograd/print.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <vector>

namespace ravel {
namespace {

constexpr std::int64_t whole_up_to = 1000;  // elements; larger tensors are shortened
constexpr std::int64_t border = 3;          // entries at each end of a shortened dimension
constexpr std::size_t line_width = 80;
constexpr int most_decimals = 4;

// How all numbers of a tensor are written: "{:.2f}" or "{:.2e}", and whether whole numbers keep the point, as in "3.".
struct NumberFormat {
  int decimals = 0;
  bool scientific = false;

  template <class T>
  std::string operator()(T value) const {
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
      return fmt::format("{}", value);
    } else {
      if (!std::isfinite(value)) return fmt::format("{}", value);
      return scientific ? fmt::format("{:#.{}e}", value, decimals) : fmt::format("{:#.{}f}", value, decimals);
    }
  }
};

// The format for these values: numbers beside each other get as many decimals as the one that needs most.
template <class T>
NumberFormat format_for(const std::vector<T>& values) {
  NumberFormat format;
  if constexpr (std::is_floating_point_v<T>) {
    double smallest = INFINITY, largest = 0;
    bool whole = true;
    for (const T value : values) {
      if (!std::isfinite(value) || value == 0) continue;
      smallest = std::min(smallest, static_cast<double>(std::abs(value)));
      largest = std::max(largest, static_cast<double>(std::abs(value)));
      whole &= value == std::trunc(value);
    }
    format.scientific = largest >= 1e8 || (!whole && (smallest < 1e-4 || largest / smallest > 1000));
    for (const T value : values) {
      if (!std::isfinite(value)) continue;
      while (format.decimals < most_decimals && static_cast<T>(std::strtod(format(value).c_str(), nullptr)) != value) {
        ++format.decimals;
      }
    }
  }
  return format;
}

// Writes the elements of one tensor.
template <class T>
class Printer {
 public:
  explicit Printer(const Tensor& x) : x_(x.array()), shortened_(x.numel() > whole_up_to) {
    std::vector<T> values;
    if (x.numel() > 0) collect(0, x_.data<T>(), values);
    format_ = format_for(values);
    for (const T value : values) width_ = std::max(width_, format_(value).size());
  }

  bool shortened() const { return shortened_; }

  std::string text(std::size_t indent) {
    if (x_.numel() == 0) return "[]";
    if (x_.shape().empty()) return format_(*x_.data<T>());
    text_.clear();
    write(0, x_.data<T>(), indent);
    return text_;
  }

 private:
  // Calls visit(i, element pointer of entry i) for the entries of dimension `dim` that are shown, and with i = -1 for
  // those left out.
  template <class Visit>
  void for_shown(int dim, const T* data, const Visit& visit) const {
    const std::int64_t size = x_.shape()[dim], stride = x_.strides()[dim];
    for (std::int64_t i = 0; i < size; ++i) {
      if (shortened_ && size > 2 * border && i == border) {
        visit(-1, data);
        i = size - border;
      }
      visit(i, data + i * stride);
    }
  }

  void collect(int dim, const T* data, std::vector<T>& values) const {
    if (dim == x_.shape().rank()) return values.push_back(*data);
    for_shown(dim, data, [&](std::int64_t i, const T* entry) {
      if (i >= 0) collect(dim + 1, entry, values);
    });
  }

  // Writes dimension `dim` and those inside it; `indent` is the column that its bracket stands in.
  void write(int dim, const T* data, std::size_t indent) {
    text_ += '[';
    const int inner = x_.shape().rank() - 1 - dim;
    std::size_t column = indent + 1;
    for_shown(dim, data, [&](std::int64_t i, const T* entry) {
      const std::size_t length = i < 0 ? 3 : width_;
      if (i != 0) {
        const bool wraps = inner == 0 && column + length + 3 > line_width;
        text_ += wraps || inner > 0 ? "," : ", ";
        if (wraps || inner > 0)
          text_.append(static_cast<std::size_t>(std::max(1, inner)), '\n').append(indent + 1, ' ');
        column = wraps ? indent + 1 : column + 2;
      }
      if (i < 0) {
        text_ += "...";
      } else if (inner > 0) {
        write(dim + 1, entry, indent + 1);
      } else {
        text_ += fmt::format("{:>{}}", format_(*entry), width_);
      }
      column += length;
    });
    text_ += ']';
  }

  const Array& x_;
  bool shortened_;
  NumberFormat format_;
  std::size_t width_ = 0;
  std::string text_;
};

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined()) return "tensor(undefined)";
  return visit_any(x.dtype(), [&]<class T>() {
    const std::string opening = "tensor(";
    Printer<T> printer(x);
    std::string text = opening + printer.text(opening.size());
    const bool obvious = x.dtype() == f32 || x.dtype() == i64 || x.dtype() == boolean;
    if (printer.shortened() || x.numel() == 0) text += fmt::format(", shape {}", x.shape());
    if (!obvious || x.numel() == 0) text += fmt::format(", {}", x.dtype());
    if (x.requires_grad()) text += ", requires_grad";
    return text + ")";
  });
}

std::ostream& operator<<(std::ostream& stream, const Tensor& x) { return stream << to_string(x); }

}  // namespace ravel

fmt::format_context::iterator fmt::formatter<ravel::Tensor>::format(const ravel::Tensor& x,
                                                                    fmt::format_context& context) const {
  return fmt::format_to(context.out(), "{}", ravel::to_string(x));
}
