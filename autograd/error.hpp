// The one exception type, and the one check that throws it.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace ravel {

// What every failed check throws. The message is one sentence that names what was wrong, where, and what to do.
// Inside a module it starts with the module's path, as in "net.hidden: linear: ...".
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message);
};

namespace detail {
[[noreturn]] void throw_error(fmt::string_view format, fmt::format_args arguments);
}

// Throws an Error with the formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<const Args&...> format, const Args&... args) {
  detail::throw_error(format, fmt::make_format_args(args...));
}

// Throws an Error with the formatted message unless `condition` holds.
template <class... Args>
void require(bool condition, fmt::format_string<const Args&...> format, const Args&... args) {
  if (!condition) [[unlikely]]
    detail::throw_error(format, fmt::make_format_args(args...));
}

}  // namespace ravel
