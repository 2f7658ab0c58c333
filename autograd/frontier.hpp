// The nodes that a sweep has reached and not yet visited, with the gradients they have received so far.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// A priority queue of nodes, deepest first, ties in order of arrival, that also finds a node by its address.
// A node's gradient is complete when it is the deepest one left: all that could add to it were deeper.
class Frontier {
 public:
  struct Entry {
    Ref<Node> node;
    std::vector<Tensor> gradients;  // one per output; undefined where none has arrived
  };

  bool empty() const { return heap_.empty(); }

  // Where the gradients of `node` are added up; the node joins the queue when it is new.
  std::vector<Tensor>& gradients_of(const Ref<Node>& node) {
    Slot& slot = find(node.get());
    if (slot.entry == nullptr) {
      slot = {node.get(), fresh_entry(node)};
      heap_.push_back({node->depth(), arrivals_++, slot.entry});
      std::push_heap(heap_.begin(), heap_.end());
      Entry* const entry = slot.entry;
      if (2 * ++used_ > table_.size()) grow();
      return entry->gradients;
    }
    return slot.entry->gradients;
  }

  // Takes the deepest node out; its entry is the caller's until recycle().
  Entry& pop_deepest() {
    std::pop_heap(heap_.begin(), heap_.end());
    Entry* const entry = heap_.back().entry;
    heap_.pop_back();
    erase(entry->node.get());
    return *entry;
  }

  void recycle(Entry& entry) {
    entry.node = {};
    entry.gradients.clear();
    spare_.push_back(&entry);
  }

 private:
  struct Key {
    std::uint32_t depth;
    std::uint64_t arrival;
    Entry* entry;
    friend bool operator<(const Key& a, const Key& b) {
      return a.depth != b.depth ? a.depth < b.depth : a.arrival > b.arrival;
    }
  };
  // A hash table of nodes with linear probing; few nodes are pending at a time, so it is small and stays in cache.
  struct Slot {
    const Node* node = nullptr;
    Entry* entry = nullptr;
  };

  std::size_t home(const Node* node) const {
    return (reinterpret_cast<std::uintptr_t>(node) >> 6) * 0x9E3779B97F4A7C15u >> 32 & (table_.size() - 1);
  }
  std::size_t after(std::size_t i) const { return (i + 1) & (table_.size() - 1); }

  Slot& find(const Node* node) {
    std::size_t i = home(node);
    while (table_[i].node != nullptr && table_[i].node != node) i = after(i);
    return table_[i];
  }

  // Removes a node and moves back those behind it that would no longer be found.
  void erase(const Node* node) {
    std::size_t hole = static_cast<std::size_t>(&find(node) - table_.data());
    for (std::size_t i = after(hole); table_[i].node != nullptr; i = after(i)) {
      const std::size_t distance = (i - home(table_[i].node)) & (table_.size() - 1);
      if (distance < ((i - hole) & (table_.size() - 1))) continue;
      table_[hole] = table_[i];
      hole = i;
    }
    table_[hole] = {};
    --used_;
  }

  void grow() {
    std::vector<Slot> old(2 * table_.size());
    old.swap(table_);
    for (const Slot& slot : old) {
      if (slot.node != nullptr) find(slot.node) = slot;
    }
  }

  Entry* fresh_entry(const Ref<Node>& node) {
    if (spare_.empty()) {
      entries_.emplace_back();
      spare_.push_back(&entries_.back());
    }
    Entry* const entry = spare_.back();
    spare_.pop_back();
    entry->node = node;
    entry->gradients.resize(node->outputs().size());
    return entry;
  }

  std::vector<Key> heap_;
  std::vector<Slot> table_ = std::vector<Slot>(16);
  std::size_t used_ = 0;
  std::uint64_t arrivals_ = 0;
  std::deque<Entry> entries_;
  std::vector<Entry*> spare_;
};

}  // namespace ravel
