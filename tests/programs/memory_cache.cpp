// Blocks that go from thread to thread through the shared cache. A program of its own, because it is built with the
// cache in sanitizer builds too, where the library takes every block from the system.
#include <array>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "ravel/autograd/memory.hpp"

namespace ravel::testing {
namespace {

int failures = 0;

void check(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "memory_cache: %s\n", what);
}

// A block and the number that its owner wrote at both of its ends.
struct Block {
  std::size_t bytes;
  char* data;

  Block(std::size_t size, std::uint64_t number) : bytes(size), data(static_cast<char*>(allocate(size))) {
    std::memcpy(data, &number, sizeof number);
    std::memcpy(data + bytes - sizeof number, &number, sizeof number);
  }
  bool holds(std::uint64_t number) const {
    return std::memcmp(data, &number, sizeof number) == 0 &&
           std::memcmp(data + bytes - sizeof number, &number, sizeof number) == 0;
  }
};

// One thread takes blocks, another frees them, and a third gets the same ones, each once.
void hand_over(std::size_t bytes, std::uint64_t count) {
  release_memory();
  const std::size_t live = memory_use().live;
  std::vector<Block> blocks;
  const auto take = [&] {
    for (std::uint64_t i = 0; i < count; ++i) blocks.emplace_back(bytes, i);
  };
  const auto give = [&] {
    bool right = true;
    std::set<char*> places;
    for (std::uint64_t i = 0; i < count; ++i) {
      right = right && blocks[i].holds(i);
      places.insert(blocks[i].data);
    }
    check(right, "a block lost its contents");
    check(places.size() == count, "a block was handed out twice");
    for (const Block& block : blocks) deallocate(block.data, block.bytes);
    blocks.clear();
  };
  std::thread(take).join();
  std::thread(give).join();
  const std::size_t fresh = memory_use().fresh;
  std::thread(take).join();
  check(memory_use().fresh == fresh, "free blocks were not handed out again");
  std::thread(give).join();
  check(memory_use().live == live, "blocks of ended threads are not free");
  release_memory();
  check(memory_use().cached == 0, "free blocks were not given back");
}

// Takes and frees blocks of many sizes, in waves that fill and empty a thread's lists; false if one lost its contents.
bool churn(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Block> blocks;
  bool right = true;
  for (int wave = 0; wave < 12; ++wave) {
    const std::size_t bytes = std::size_t{64} << random() % 9;
    for (std::uint64_t i = 0; i < 3000; ++i) blocks.emplace_back(bytes, i);
    for (std::uint64_t i = 0; i < blocks.size(); ++i) right = right && blocks[i].holds(i);
    for (const Block& block : blocks) deallocate(block.data, block.bytes);
    blocks.clear();
    if (wave % 4 == 3) release_memory();
  }
  return right;
}

void churn_together() {
  std::vector<std::thread> threads;
  std::array<bool, 4> right{};
  for (std::uint32_t i = 0; i < right.size(); ++i) threads.emplace_back([&right, i] { right[i] = churn(i); });
  for (std::thread& thread : threads) thread.join();
  for (const bool one : right) check(one, "two threads had one block");
}

}  // namespace
}  // namespace ravel::testing

int main() {
  using namespace ravel::testing;
  hand_over(64, 10'000);  // several lists
  hand_over(5000, 200);
  hand_over(16 * 1024, 50);
  churn_together();
  return failures > 0;
}
