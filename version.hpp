// The version of the library.
#pragma once

namespace ravel {

// As in "0.1.0".
constexpr const char* version() { return "0.1.0"; }

}  // namespace ravel
