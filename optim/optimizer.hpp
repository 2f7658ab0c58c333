// Optimizers: a rule, which says how one element changes, applied to every parameter in one pass over memory.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "ravel/autograd/create.hpp"
#include "ravel/nn/scope.hpp"
#include "ravel/ops/kernels/update.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel::optim {

// What all optimizers offer, whatever their rule.
class OptimizerBase {
 public:
  explicit OptimizerBase(std::vector<nn::Parameter> parameters) : parameters_(std::move(parameters)) {
    require(!parameters_.empty(), "optimizer: there are no parameters to train; was the model built in this scope?");
  }
  virtual ~OptimizerBase() = default;

  // Forgets the gradients of all parameters.
  void zero_grad() const {
    for (const nn::Parameter& parameter : parameters_) parameter.zero_grad();
  }
  // Changes every parameter that has a gradient; the graph and the gradients stay as they are.
  virtual void step() = 0;
  // The learning rate; an error for one that the rule refuses.
  virtual double lr() const = 0;
  virtual void set_lr(double lr) = 0;

 protected:
  std::vector<nn::Parameter> parameters_;
};

// Applies `Rule`, a struct of options with
//   static constexpr int states     how many values per element it remembers; they start at zero
//   double lr                       the learning rate
//   void check() const              an error for options that make no sense
//   auto at<T>(t) const             the change of one element in step t = 1, 2, ...: f(T& p, T g, T& state...)
// and, if some options need no states,
//   bool has_states() const         are they needed with these options?
//   auto without_states<T>() const  the change of one element if not: f(T& p, T g)
// An element's change depends on nothing but its own values, so rules need no knowledge of shapes or threads.
template <class Rule>
class Optimizer final : public OptimizerBase {
 public:
  explicit Optimizer(std::vector<nn::Parameter> parameters, const Rule& rule = {})
      : OptimizerBase(std::move(parameters)), rule_(rule), slots_(parameters_.size()) {
    rule_.check();
  }

  double lr() const override { return rule_.lr; }
  void set_lr(double lr) override {
    Rule changed = rule_;
    changed.lr = lr;
    changed.check();
    rule_ = changed;
  }

  void step() override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Tensor gradient = parameters_[i].grad();
      if (gradient.defined()) update(parameters_[i], packed(gradient), slots_[i]);
    }
  }

 private:
  // What is remembered of one parameter.
  struct Slot {
    std::int64_t t = 0;
    std::array<Tensor, Rule::states> states;
  };

  void update(const nn::Parameter& parameter, const Tensor& gradient, Slot& slot) {
    if constexpr (requires { rule_.has_states(); }) {
      if (!rule_.has_states()) return update_without_states(parameter, gradient);
    }
    for (Tensor& state : slot.states) {
      if (!state.defined()) state = zeros_like(gradient);
      require(state.dtype() == gradient.dtype(),
              "optimizer: {} was {} in earlier steps and is {} now; make a new optimizer", parameter.path(),
              state.dtype(), gradient.dtype());
    }
    ++slot.t;
    Array& value = parameter.writable();
    visit_floating(value.dtype(), "optimizer", [&]<class T>() {
      std::apply(
          [&](const auto&... state) {
            kernels::update(value.numel(), rule_.template at<T>(slot.t), value.data<T>(), gradient.data<T>(),
                            state.array_ref()->template data<T>()...);
          },
          slot.states);
    });
  }

  void update_without_states(const nn::Parameter& parameter, const Tensor& gradient) {
    Array& value = parameter.writable();
    visit_floating(value.dtype(), "optimizer", [&]<class T>() {
      kernels::update(value.numel(), rule_.template without_states<T>(), value.data<T>(), gradient.data<T>());
    });
  }

  Rule rule_;
  std::vector<Slot> slots_;
};

// Scales all gradients by max_norm / norm if their common 2-norm exceeds max_norm; returns the norm before,
// which is summed in f64. An error if it is not finite.
// Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks; ICML 2013.
double clip_grad_norm(const std::vector<nn::Parameter>& parameters, double max_norm);

}  // namespace ravel::optim
