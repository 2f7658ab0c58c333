// The hash that names and compares things: FNV-1a with 64 bits, short, well known, the same on every machine.
#pragma once

#include <cstdint>

namespace ravel {

// Takes one word at a time.
class Hash {
 public:
  void add(std::uint64_t word) { value_ = (value_ ^ word) * 0x100000001B3u; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace ravel
