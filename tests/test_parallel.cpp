#include "ravel/autograd/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "ravel/autograd/error.hpp"
#include "ravel/autograd/modes.hpp"

namespace ravel::testing {
namespace {

// Puts the number of threads back at the end of a test.
class Team {
 public:
  explicit Team(int size) { set_threads(size); }
  ~Team() { set_threads(before_); }

 private:
  int before_ = threads();
};

// Did parallel() call its body exactly once for each of many items?
bool does_each_item_once() {
  std::vector<int> calls(1000);
  parallel(1000, 7, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++calls[static_cast<std::size_t>(i)];
  });
  return std::ranges::all_of(calls, [](int count) { return count == 1; });
}

}  // namespace

TEST_CASE("parallel does each item once: teams of changing size, several callers, pauses longer than threads wait") {
  for (const int size : {2, 3, 8, 2}) {
    const Team team(size);
    std::atomic<int> right = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 3; ++caller) {
      callers.emplace_back([&, caller] {
        for (int i = 0; i < 200; ++i) {
          right += does_each_item_once();
          if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::microseconds(600 + 200 * (i / 20 + caller)));
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(right == 600);
  }
}

TEST_CASE("parallel has several items at work at once") {
  for (const int size : {2, 5}) {
    const Team team(size);
    for (int i = 0; i < 3; ++i) {
      std::atomic<int> arrived = 0;
      parallel(size, 1, [&](std::int64_t, std::int64_t) {
        ++arrived;
        const auto start = std::chrono::steady_clock::now();
        while (arrived < size && std::chrono::steady_clock::now() - start < std::chrono::seconds(20)) {
          std::this_thread::yield();
        }
      });
      CHECK(arrived == size);
    }
  }
}

TEST_CASE("work that parallel sends elsewhere sees the caller's modes") {
  const Team team(4);
  std::atomic<int> recording = 0, calls = 0;
  {
    const NoGrad off;
    parallel(64, 1, [&](std::int64_t, std::int64_t) {
      ++calls;
      recording += is_recording();
    });
  }
  CHECK(calls >= 4);
  CHECK(recording == 0);
}

TEST_CASE("an error in a body reaches the caller of parallel, whoever ran into it") {
  const Team team(4);
  for (const std::int64_t bad : {0, 20, 63}) {
    CHECK_THROWS_AS(
        parallel(64, 1, [&](std::int64_t begin, std::int64_t end) { require(bad < begin || bad >= end, "an error"); }),
        Error);
    CHECK(does_each_item_once());
  }
  CHECK_THAT(error_of([] { set_threads(0); }), ContainsSubstring("set_threads: 0 threads; use 1 to"));
}

TEST_CASE("parallel_with makes a body for each thread, which serves all of its ranges and lives no longer") {
  struct Body {
    Body(std::atomic<int>& bodies, std::vector<int>& item_calls) : living(bodies), calls(item_calls) { ++living; }
    Body(const Body&) = delete;
    ~Body() { --living; }
    void operator()(std::int64_t begin, std::int64_t end) {
      require(maker == std::this_thread::get_id(), "a body of another thread");
      for (std::int64_t i = begin; i < end; ++i) ++calls[static_cast<std::size_t>(i)];
      require(begin > bad || end <= bad, "item {}", bad);
    }
    std::atomic<int>& living;
    std::vector<int>& calls;
    std::thread::id maker = std::this_thread::get_id();
    std::int64_t bad = -1;
  };
  for (const int size : {1, 2, 5}) {
    const Team team(size);
    std::atomic<int> made = 0, living = 0;
    std::vector<int> calls(1000);
    parallel_with(1000, 7, [&] {
      ++made;
      return Body(living, calls);
    });
    CHECK(made >= 1);
    CHECK(made <= size);
    CHECK(living == 0);
    CHECK(std::ranges::all_of(calls, [](int count) { return count == 1; }));
    const auto fails_at = [&](std::int64_t bad) {
      parallel_with(1000, 7, [&] {
        return [&, body = Body(living, calls)](std::int64_t begin, std::int64_t end) mutable {
          body.bad = bad;
          body(begin, end);
        };
      });
    };
    CHECK_THROWS_AS(fails_at(500), Error);
    CHECK(living == 0);
  }
  const Team team(4);
  const auto no_body = []() -> void (*)(std::int64_t, std::int64_t) { fail("no body"); };
  CHECK_THROWS_AS(parallel_with(64, 1, no_body), Error);
}

TEST_CASE("parallel within parallel runs inline") {
  const Team team(4);
  std::atomic<int> calls = 0;
  parallel(8, 1, [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; ++begin) parallel(8, 1, [&](std::int64_t, std::int64_t) { ++calls; });
  });
  CHECK(calls == 8);
}

}  // namespace ravel::testing
