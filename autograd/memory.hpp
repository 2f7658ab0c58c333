// Memory for tensors, nodes and scratch space: freed blocks are kept and handed out again, so that a training step in
// its steady state makes no system call and touches no fresh page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ravel {

// A block of at least `bytes` bytes, aligned to 64; an error that says how much was asked for when there is no memory.
void* allocate(std::size_t bytes);
// Gives back a block; `bytes` is what it was asked for with.
void deallocate(void* block, std::size_t bytes) noexcept;

// Starts to fetch `bytes` bytes at `address` into the nearest cache. Nothing is read: the address may be null or no
// longer valid.
inline void prefetch(const void* address, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  for (std::size_t offset = 0; offset < bytes; offset += 64) {
    __builtin_prefetch(reinterpret_cast<const void*>(first + offset));
  }
}

struct MemoryUse {
  std::size_t live = 0;    // bytes in blocks that are in use
  std::size_t cached = 0;  // bytes in free blocks that are kept for reuse
  std::size_t peak = 0;    // the largest `live` so far
  std::size_t fresh = 0;   // how many blocks the system has been asked for so far; reused ones do not count
};
// What all threads together use. Small blocks that threads keep for themselves count as live.
MemoryUse memory_use();
// Returns every cached block of this thread and of the shared cache to the system.
void release_memory();

// An array of `count` trivially copyable elements for a kernel's intermediate values, uninitialised or all of one
// value, given back at the end of its life.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : bytes_(static_cast<std::size_t>(count) * sizeof(T)), data_(static_cast<T*>(allocate(bytes_))) {}
  Scratch(std::int64_t count, T value) : Scratch(count) { std::fill_n(data_, count, value); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { deallocate(data_, bytes_); }

  T* data() const { return data_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace ravel
