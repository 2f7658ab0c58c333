// Waiting for another thread without a call of the system.
#pragma once

#include <mutex>

namespace ravel::detail {

// Gives the core's other thread, if it has one, a moment: for loops that look at memory until another thread writes it.
inline void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// A mutex that is held for few instructions: who finds it taken looks again for some microseconds before it sleeps.
class BriefMutex {
 public:
  void lock() {
    for (int looks = 0; looks < 200; ++looks) {
      if (mutex_.try_lock()) return;
      pause_briefly();
    }
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

}  // namespace ravel::detail
