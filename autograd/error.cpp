#include "ravel/autograd/error.hpp"

#include "ravel/autograd/modes.hpp"

namespace ravel {

Error::Error(const std::string& message) : std::runtime_error(message) {}

void detail::throw_error(fmt::string_view format, fmt::format_args arguments) {
  const std::string message = fmt::vformat(format, arguments);
  const std::string_view path = module_path();
  throw Error(path.empty() ? message : fmt::format("{}: {}", path, message));
}

}  // namespace ravel
