// A counted reference to an object that carries its own count.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace ravel {

// The count of references, 1 at first: that of the maker. An object of a class T that derives from it ends by a call of
// `void destroy(const T*)`.
class Counted {
 public:
  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  // Gives up one reference; true if it was the last. Who holds the only one needs no atomic subtraction, which would
  // wait for all writes before it: nobody can take another reference meanwhile.
  bool drop() const { return unique() || count_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  // Is there exactly one reference? Its holder may then change the object: nobody else can see it.
  bool unique() const { return count_.load(std::memory_order_acquire) == 1; }

 private:
  mutable std::atomic<std::uint32_t> count_{1};
};

// A reference to a Counted object, or null. Copies share the object; the last one ends it.
template <class T>
class Ref {
 public:
  Ref() = default;
  // One more reference to an object that others hold.
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->retain();
  }
  // The first reference to an object that has just been made.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->drop()) destroy(object_);
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

 private:
  T* object_ = nullptr;
};

}  // namespace ravel
