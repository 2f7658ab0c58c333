#include "ravel/autograd/node.hpp"

#include <array>
#include <utility>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/tensor.hpp"

namespace ravel {

Tensor& OutputGradients::complete(std::size_t slot) const {
  Tensor& gradient = received_[slot];
  if (!gradient.defined()) gradient = zeros(node_.outputs()[slot].shape, node_.outputs()[slot].dtype);
  return gradient;
}

const Tensor& OutputGradients::operator[](std::size_t slot) const { return complete(slot); }

Tensor OutputGradients::take(std::size_t slot) const { return std::move(complete(slot)); }

Node::Node(const char* op, const Node& deepest_input, const Tensor& value)
    : depth_(deepest_input.depth_ + 1), op_(op), ahead_(exchange_recent({this, &value.array()})) {}

Node::Addresses Node::exchange_recent(Addresses addresses) {
  thread_local constinit std::array<Addresses, 4> recent{};
  thread_local constinit std::size_t oldest = 0;
  std::swap(addresses, recent[oldest]);
  oldest = (oldest + 1) % recent.size();
  return addresses;
}

void Node::prefetch_ahead() const {
  prefetch(ahead_.node, 192);   // its inputs and the shapes of its outputs
  prefetch(ahead_.value, 256);  // its shape and, unless it is a view, its first elements
}

void* Node::operator new(std::size_t bytes) { return allocate(bytes); }
void Node::operator delete(void* node, std::size_t bytes) { deallocate(node, bytes); }

// Ending a node drops references to others, which come back here: they queue up behind the outermost call.
void destroy(const Node* node) {
  thread_local const Node* queue = nullptr;
  thread_local bool ending = false;
  node->next_to_end_ = queue;
  queue = node;
  if (ending) return;
  ending = true;
  while (queue != nullptr) {
    const Node* const next = queue;
    queue = next->next_to_end_;
    delete next;
  }
  ending = false;
}

}  // namespace ravel
