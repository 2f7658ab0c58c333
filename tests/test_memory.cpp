// What training does to memory, and what the cache of free blocks promises.
#include <latch>
#include <thread>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

// In sanitizer builds each block comes from the system and goes back to it.
#if defined(RAVEL_SYSTEM_MALLOC)
constexpr bool keeps_blocks = false;
#else
constexpr bool keeps_blocks = true;
#endif

// A net on images (2, 6, 6) with its optimizer.
struct Training {
  explicit Training(const std::vector<nn::LayerMaker>& layers)
      : net(scope, {2, 6, 6}, layers), optimizer(scope.parameters()) {}

  void step(std::int64_t batch_size, std::uint64_t number) {
    const RandomStep random(0, number);
    const Tensor x = randn({batch_size, 2, 6, 6}, f32, random_key(0, "images", number));
    const Tensor labels = randint(0, 3, batch_size, random_key(0, "labels", number));
    optimizer.zero_grad();
    cross_entropy(net(x), labels).backward();
    optimizer.step();
  }

  nn::Scope scope;
  nn::Sequential net;
  optim::Adam optimizer;
};

std::vector<nn::LayerMaker> mlp() { return {nn::flatten(), nn::linear(16), nn::tanh(), nn::linear(3)}; }
std::vector<nn::LayerMaker> conv_net() {
  return {
      nn::conv2d(4, 3, {.padding = 1}), nn::relu(), nn::max_pool2d(2), nn::flatten(), nn::dropout(0.5), nn::linear(3)};
}

std::size_t held(const MemoryUse& use) { return use.live + use.cached; }

}  // namespace

TEST_CASE("thousands of steps with varying batch sizes do not grow memory") {
  const int threads_before = threads();
  for (const int count : {1, 3}) {
    set_threads(count);
    for (const auto& layers : {mlp(), conv_net()}) {
      Training training(layers);
      const auto steps = [&](std::uint64_t from, std::uint64_t to) {
        for (std::uint64_t i = from; i < to; ++i) training.step(1 + static_cast<std::int64_t>(i * 7919 % 40), i);
      };
      release_memory();
      steps(0, 200);
      const MemoryUse before = memory_use();
      steps(200, 5200);
      const MemoryUse after = memory_use();
      // Which thread keeps a block is chance: with several, a few more blocks can come into use.
      const std::size_t blocks = count == 1 ? 0 : 50, bytes = count == 1 ? 0 : std::size_t{1} << 18;
      INFO(count << " threads");
      CHECK(after.peak <= before.peak + bytes);
      CHECK(held(after) <= held(before) + bytes);
      if (keeps_blocks) CHECK(after.fresh <= before.fresh + blocks);
    }
  }
  set_threads(threads_before);
}

TEST_CASE("a steady training step takes no memory from the system") {
  if (!keeps_blocks) return;
  const int threads_before = threads();
  set_threads(1);
  for (const auto& layers : {mlp(), conv_net()}) {
    Training training(layers);
    for (std::uint64_t i = 0; i < 3; ++i) training.step(64, i);
    const std::size_t before = memory_use().fresh;
    for (std::uint64_t i = 3; i < 50; ++i) training.step(64, i);
    CHECK(memory_use().fresh == before);
  }
  set_threads(threads_before);
}

TEST_CASE("release_memory gives every free block back") {
  release_memory();
  const MemoryUse before = memory_use();
  CHECK(before.cached == 0);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{5000}, std::size_t{1} << 22}) {
    deallocate(allocate(bytes), bytes);
  }
  if (keeps_blocks) CHECK(memory_use().cached >= std::size_t{1} << 22);
  release_memory();
  const MemoryUse after = memory_use();
  CHECK(after.cached == 0);
  CHECK(after.live == before.live);
}

TEST_CASE("a freed block is used again for the next request of about its size") {
  if (!keeps_blocks) return;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{16} * 1024, std::size_t{1} << 20}) {
    void* const first = allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
    deallocate(first, bytes);
    const std::size_t before = memory_use().fresh;
    void* const second = allocate(bytes);
    CHECK(second == first);
    CHECK(memory_use().fresh == before);
    deallocate(second, bytes);
  }
}

TEST_CASE("a thread gets back the block that it gave, also when another one gave one of that size later") {
  if (!keeps_blocks) return;
  constexpr std::size_t bytes = 100'000;
  void* const mine = allocate(bytes);
  std::latch taken(1), given(1);
  std::thread other([&] {
    void* const others = allocate(bytes);
    taken.count_down();
    given.wait();
    deallocate(others, bytes);
  });
  taken.wait();
  deallocate(mine, bytes);
  given.count_down();
  other.join();
  void* const again = allocate(bytes);
  CHECK(again == mine);
  deallocate(again, bytes);
}

TEST_CASE("live and cached memory together stay below twice the largest live amount") {
  constexpr std::size_t mebi = std::size_t{1} << 20;
  std::size_t largest = 0;
  for (std::size_t size = mebi; size < 40 * mebi; size += size / 3) {
    void* const block = allocate(size);
    deallocate(block, size);
    const MemoryUse use = memory_use();
    CHECK(held(use) <= 2 * use.peak);
    largest = std::max(largest, held(use));
  }
  if (keeps_blocks) CHECK(largest > 0);
  release_memory();
}

TEST_CASE("what an ended thread kept is free for the others") {
  release_memory();
  const std::size_t before = memory_use().live;
  std::thread([] {
    std::vector<void*> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(allocate(1024));
    for (void* const block : blocks) deallocate(block, 1024);
  }).join();
  CHECK(memory_use().live == before);
  release_memory();
}
