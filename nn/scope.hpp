// Scope: where a model's parameters and buffers live, by path.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/random.hpp"
#include "ravel/autograd/tensor.hpp"

namespace ravel::nn {

// Makes the initial value of a parameter. The key is that of the parameter's path, whatever was made before.
using Initializer = std::function<Tensor(const Shape&, Dtype, const RandomKey&)>;

namespace detail {

// One named tensor of a model. The value changes; for a parameter the place in the graph, its leaf, stays.
struct Place {
  std::string path;
  Tensor value;
  bool is_parameter = false;
};

struct ScopeNode;
struct ScopeRoot;

}  // namespace detail

// A trainable tensor of a model. Copies are the same parameter. Reading it gives a leaf of the graph.
class Parameter {
 public:
  Parameter() = default;
  explicit Parameter(std::shared_ptr<detail::Place> place) : place_(std::move(place)) {}

  // NOLINTNEXTLINE(google-explicit-constructor): a parameter is used as a tensor in every op.
  operator const Tensor&() const { return tensor(); }
  const Tensor& tensor() const;
  // Was it made? A layer without bias has an undefined one.
  bool defined() const { return place_ != nullptr; }
  // The tensor, or an undefined one if it was not made: for optional biases.
  Tensor or_none() const { return defined() ? tensor() : Tensor(); }
  // The dotted path, as in "encoder.0.weight".
  const std::string& path() const;
  Tensor grad() const { return tensor().grad(); }
  void zero_grad() const { tensor().zero_grad(); }

  // Replaces the value; shape and type must agree.
  void set(const Tensor& value) const;
  // The packed value, to be changed in place by an optimizer. Whoever else holds it (a snapshot, a graph) keeps the old
  // elements: they are copied first if so.
  Array& writable() const;

  friend bool operator==(const Parameter& a, const Parameter& b) { return a.place_ == b.place_; }

 private:
  std::shared_ptr<detail::Place> place_;
};

// A tensor of a model that is saved but not trained: running statistics, tables. Copies are the same buffer.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::shared_ptr<detail::Place> place) : place_(std::move(place)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator const Tensor&() const { return tensor(); }
  const Tensor& tensor() const;
  const std::string& path() const;
  // Replaces the value; shape and type must agree.
  void set(const Tensor& value) const;

 private:
  std::shared_ptr<detail::Place> place_;
};

// What load() found that did not fit.
struct LoadReport {
  std::vector<std::string> missing;     // paths of the model that the snapshot lacks
  std::vector<std::string> unexpected;  // names in the snapshot that the model lacks
};

// The values of parameters and buffers by path.
using Snapshot = std::map<std::string, Tensor>;

// A place in the tree of a model's names. Modules take a Scope and make their parameters in it; `scope / "name"` is the
// scope of a part. Copies are the same place. A parameter's initial value follows from the seed and its path alone.
// Reading, and running modules in eval mode, is safe from several threads at once; changing anything is not.
class Scope {
 public:
  // A new, empty model.
  explicit Scope(std::uint64_t seed = 0, Dtype dtype = f32);

  // The part called `name`, which must not contain a dot.
  Scope operator/(std::string_view name) const;
  // The part with number `index`, as in "0".
  Scope operator/(std::int64_t index) const { return *this / std::string_view(std::to_string(index)); }
  // The dotted path, "" for a whole model.
  const std::string& path() const;
  // The type of new parameters.
  Dtype dtype() const;

  // Makes a parameter; an error if the name is taken.
  Parameter parameter(std::string_view name, const Shape& shape, const Initializer& initializer) const;
  // Makes a buffer.
  Buffer buffer(std::string_view name, const Tensor& initial) const;
  // Gives a parameter of this model a second name here (tied weights). It is listed and trained once, saved under both.
  Parameter share(std::string_view name, const Parameter& parameter) const;

  // Every parameter here and below, in order of creation, shared ones once.
  std::vector<Parameter> parameters() const;
  std::vector<Buffer> buffers() const;

  // Sets training or evaluation mode here and below: dropout and batch statistics follow it. New scopes train.
  void train(bool on = true) const;
  void eval() const { train(false); }
  bool is_training() const;

  // Parameters here and below stop, or start again, to require gradients.
  void freeze(bool on = true) const;
  // Casts every floating parameter and buffer of the whole model.
  void to(Dtype dtype) const;

  // The values here and below under their full paths. It costs a handle each, and later training does not change it.
  Snapshot snapshot() const;
  // Sets the values here and below. A tensor of another shape or type is an error, and so are missing or unexpected
  // names unless `strict` is false; after an error nothing has changed.
  LoadReport load(const Snapshot& snapshot, bool strict = true) const;

  // Enters this scope until the end of the guard's life: errors name its path, random numbers follow from it. Every
  // module's call begins with it.
  class Entered {
   public:
    explicit Entered(std::string_view path) : frame_{path, modes.module}, guard_(modes.module, &frame_) {}

   private:
    ModuleFrame frame_;
    ModeGuard<const ModuleFrame*> guard_;
  };
  [[nodiscard]] Entered enter() const { return Entered(path()); }

 private:
  Scope(std::shared_ptr<detail::ScopeRoot> root, detail::ScopeNode* node) : root_(std::move(root)), node_(node) {}
  std::shared_ptr<detail::Place> add_place(std::string_view name, bool is_parameter) const;

  std::shared_ptr<detail::ScopeRoot> root_;
  detail::ScopeNode* node_ = nullptr;
};

// A 64-bit hash of the paths and bits of all parameters and buffers: equal for runs that ended alike.
std::uint64_t hash_of(const Scope& scope);

}  // namespace ravel::nn
