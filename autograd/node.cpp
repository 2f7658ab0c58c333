#include "ravel/autograd/node.hpp"

#include <utility>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/tensor.hpp"

namespace ravel {

bool OutputGradients::received(std::size_t slot) const { return received_[slot].defined(); }

Tensor OutputGradients::operator[](std::size_t slot) const {
  if (received(slot)) return received_[slot];
  const Node::Output& output = node_.outputs()[slot];
  return zeros(output.shape, output.dtype);
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
