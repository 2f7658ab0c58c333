#include "ravel/autograd/memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "ravel/autograd/error.hpp"
#include "ravel/autograd/wait.hpp"

namespace ravel {
namespace {

// Fresh memory, or null.
void* system_block(std::size_t bytes) {
  void* block = nullptr;
  return posix_memalign(&block, 64, bytes) == 0 ? block : nullptr;
}

#if defined(RAVEL_SYSTEM_MALLOC)

// For sanitizers: each block comes from the system and goes back to it, and is only counted.
std::atomic<std::size_t> live_bytes = 0, peak_bytes = 0, fresh_blocks = 0;

void* take_block(std::size_t bytes) {
  void* const block = system_block(bytes);
  if (block == nullptr) return nullptr;
  ++fresh_blocks;
  const std::size_t live = live_bytes += bytes;
  for (std::size_t peak = peak_bytes; peak < live && !peak_bytes.compare_exchange_weak(peak, live);) {
  }
  return block;
}

void give_block(void* block, std::size_t bytes) {
  live_bytes -= bytes;
  std::free(block);
}

MemoryUse use() { return {live_bytes, 0, peak_bytes, fresh_blocks}; }
void release() {}

#else

// Blocks come in size classes, four to a doubling: 64, 80, 96, 112, 128, 160, ... Every block of a class can serve
// every request of the class.
constexpr int classes = 4 * 48;
constexpr std::size_t smallest = 64;
// Blocks up to this size are kept by the thread that frees them, in two lists of up to `list_bytes` per class.
constexpr std::size_t small_limit = 16 * 1024;
constexpr std::size_t list_bytes = 128 * 1024;

int class_of(std::size_t bytes) {
  if (bytes <= smallest) return 0;
  const int log2 = std::bit_width(bytes - 1) - 1;  // bytes is in (2^log2, 2^(log2+1)]
  const std::size_t step = std::size_t{1} << (log2 - 2);
  const std::size_t quarter = (bytes - (std::size_t{1} << log2) + step - 1) / step;  // 1..4
  return 4 * (log2 - 6) + static_cast<int>(quarter);
}

std::size_t class_size(int size_class) {
  const std::size_t base = smallest << (size_class / 4);
  return base + base / 4 * static_cast<std::size_t>(size_class % 4);
}

// A free block holds the links to the next two of its list: the one to hand out next, and the one whose links and first
// bytes are fetched from memory meanwhile, so that a graph larger than the caches need not wait for each. The first
// block of a list that the shared cache holds also leads to the next such list and tells which thread gave it.
struct FreeBlock {
  FreeBlock* next = nullptr;
  FreeBlock* after_next = nullptr;
  FreeBlock* next_list = nullptr;
  std::size_t count = 0;  // of the list that it heads there
  const void* giver = nullptr;
};

struct FreeList {
  FreeBlock* head = nullptr;
  std::size_t count = 0;

  bool empty() const { return head == nullptr; }
  void push(void* block) {
    head = new (block) FreeBlock{head, head != nullptr ? head->next : nullptr};
    ++count;
  }
  void* pop() {
    FreeBlock* const block = head;
    head = block->next;
    prefetch(block->after_next, 256);
    --count;
    return block;
  }
};

// Tells living threads apart.
const void* this_thread() {
  static thread_local char here;
  return &here;
}

// The cache that all threads share. Blocks come and go in whole lists, so that threads need not walk through them; what
// a thread keeps counts as live. A thread gets back what it gave if that is among the latest lists of a class: such a
// block still lies in the cache of its core, while each line of another thread's would have to be fetched from there.
// What is live and cached together never exceeds twice the most that was ever live: before fresh memory is taken beyond
// that, blocks of other sizes go back to the system. Twice, because blocks of a class wait while those of another are
// at work: with less, a step that uses several sizes in turn would give back and fetch the same pages each time.
class SharedCache {
 public:
  // A list of blocks of this class: one that was given, or a fresh block; an empty list if there is no memory.
  FreeList take(int size_class) {
    const std::lock_guard lock(mutex_);
    FreeList list = take_given(own_link(size_class), size_class);
    if (list.empty()) {
      if (void* const block = fresh_block(class_size(size_class))) list.push(block);
    }
    use_.live += list.count * class_size(size_class);
    use_.peak = std::max(use_.peak, use_.live);
    return list;
  }

  void give(const FreeList& list, int size_class) {
    if (list.empty()) return;
    const std::lock_guard lock(mutex_);
    use_.live -= list.count * class_size(size_class);
    use_.cached += list.count * class_size(size_class);
    FreeBlock*& lists = lists_[static_cast<std::size_t>(size_class)];
    list.head->next_list = lists;
    list.head->count = list.count;
    list.head->giver = this_thread();
    lists = list.head;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    trim(0);
  }

  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

 private:
  FreeBlock** first_link(int size_class) { return &lists_[static_cast<std::size_t>(size_class)]; }

  // The link to the list that this thread gave last, if it is among the latest of its class, else the first. Not all
  // are looked at, for each is a line that another core may have written.
  FreeBlock** own_link(int size_class) {
    constexpr int latest = 8;
    FreeBlock** link = first_link(size_class);
    for (int i = 0; i < latest && *link != nullptr; ++i, link = &(*link)->next_list) {
      if ((*link)->giver == this_thread()) return link;
    }
    return first_link(size_class);
  }

  // The list that `link` leads to, which may be none.
  FreeList take_given(FreeBlock** link, int size_class) {
    if (*link == nullptr) return {};
    const FreeList list{*link, (*link)->count};
    *link = list.head->next_list;
    use_.cached -= list.count * class_size(size_class);
    return list;
  }

  void* fresh_block(std::size_t bytes) {
    trim(2 * std::max(use_.peak, use_.live + bytes) - use_.live - bytes);
    void* block = system_block(bytes);
    if (block == nullptr) {
      trim(0);
      block = system_block(bytes);
    }
    use_.fresh += block != nullptr;
    return block;
  }

  // Frees cached lists, those of the largest blocks first, until at most `keep` bytes of them are left.
  void trim(std::size_t keep) {
    for (int c = classes - 1; c >= 0 && use_.cached > keep; --c) {
      while (use_.cached > keep) {
        FreeList list = take_given(first_link(c), c);
        if (list.empty()) break;
        while (!list.empty()) std::free(list.pop());
      }
    }
  }

  detail::BriefMutex mutex_;
  std::array<FreeBlock*, classes> lists_{};  // the first block of the first list of each class
  MemoryUse use_;
};

// Never destroyed: blocks are still given back while static objects end.
SharedCache& shared_cache() {
  static SharedCache* const cache = new SharedCache;
  return *cache;
}

// The small blocks that this thread keeps for itself: two lists of each class, so that a thread that frees and takes
// blocks in turn at the end of a list turns to the other one instead of the shared cache (Bonwick and Adams: Magazines
// and Vmem; USENIX 2001).
class ThreadCache {
 public:
  ~ThreadCache() {
    flush();
    ended_ = true;
  }
  static bool usable() { return !ended_; }

  void* take(int size_class) {
    auto& [list, other] = lists_[static_cast<std::size_t>(size_class)];
    if (list.empty()) std::swap(list, other);
    if (list.empty()) list = shared_cache().take(size_class);
    return list.empty() ? nullptr : list.pop();
  }

  void give(void* block, int size_class) {
    auto& [list, other] = lists_[static_cast<std::size_t>(size_class)];
    if ((list.count + 1) * class_size(size_class) > list_bytes) {
      shared_cache().give(other, size_class);
      other = std::exchange(list, {});
    }
    list.push(block);
  }

  void flush() {
    for (int c = 0; c < small_classes; ++c) {
      for (FreeList& list : lists_[static_cast<std::size_t>(c)]) shared_cache().give(std::exchange(list, {}), c);
    }
  }

  static constexpr int small_classes = 4 * (std::bit_width(small_limit) - 7) + 1;

 private:
  std::array<std::array<FreeList, 2>, small_classes> lists_;
  static thread_local bool ended_;
};
thread_local bool ThreadCache::ended_ = false;
thread_local ThreadCache thread_cache;

void* take_block(std::size_t bytes) {
  const int size_class = class_of(bytes);
  const bool small = size_class < ThreadCache::small_classes && ThreadCache::usable();
  if (small) return thread_cache.take(size_class);
  FreeList one = shared_cache().take(size_class);
  return one.empty() ? nullptr : one.pop();
}

void give_block(void* block, std::size_t bytes) {
  const int size_class = class_of(bytes);
  const bool small = size_class < ThreadCache::small_classes && ThreadCache::usable();
  if (small) return thread_cache.give(block, size_class);
  FreeList one;
  one.push(block);
  shared_cache().give(one, size_class);
}

MemoryUse use() { return shared_cache().use(); }
void release() {
  if (ThreadCache::usable()) thread_cache.flush();
  shared_cache().release();
}

#endif

}  // namespace

void* allocate(std::size_t bytes) {
  constexpr std::size_t address_space = std::size_t{1} << 47;
  void* const block = bytes < address_space ? take_block(bytes) : nullptr;
  require(block != nullptr, "out of memory: {:.1f} MiB more are not to be had", static_cast<double>(bytes) / 1048576.0);
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept { give_block(block, bytes); }

MemoryUse memory_use() { return use(); }

void release_memory() { release(); }

}  // namespace ravel
