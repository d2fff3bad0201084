// libtorch's fused optimizer kernels on lists that are made once: a step is one call, whatever the number of parameters.

#include "guard.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>

#include <vector>

using at::Tensor;

namespace {

// The state tensors belong to the caller as well: it saves and restores them. For Adam `first` and `second` are the two
// moments and `steps` the step count, once for each parameter; for SGD `first` are the momentum buffers, or nothing.
struct Fused {
  std::vector<Tensor> parameters, gradients, first, second, steps, unused;

  void gather_gradients() {
    gradients.clear();
    for (const auto& parameter : parameters) {
      TORCH_CHECK(parameter.grad().defined(), "a parameter has no gradient");
      gradients.push_back(parameter.grad());
    }
  }
};

std::vector<Tensor> list(Tensor** tensors, int count) {
  std::vector<Tensor> result;
  result.reserve(count);
  for (int i = 0; i < count; i++) result.push_back(*tensors[i]);
  return result;
}

}  // namespace

extern "C" {

int shim_fused_new(Tensor** parameters, Tensor** first, Tensor** second, int count, Tensor* step, Fused** out) {
  return shim::guarded([&] {
    auto* fused = new Fused();
    fused->parameters = list(parameters, count);
    if (first != nullptr) fused->first = list(first, count);
    if (second != nullptr) fused->second = list(second, count);
    // One count serves all: the kernels only read it.
    if (step != nullptr) fused->steps.assign(count, *step);
    fused->gradients.reserve(count);
    *out = fused;
  });
}

void shim_fused_free(Fused* fused) { delete fused; }

// The caller has raised the step count.
int shim_fused_adam(Fused* fused, bool decoupled, double lr, double beta1, double beta2, double weight_decay, double eps) {
  return shim::guarded([&] {
    at::NoGradGuard no_grad;
    fused->gather_gradients();
    const auto apply = [&](auto step) {
      step(fused->parameters, fused->gradients, fused->first, fused->second, fused->unused, fused->steps, lr, beta1, beta2,
           weight_decay, eps);
    };
    constexpr bool amsgrad = false, maximize = false;
    if (decoupled) {
      apply([](auto&&... rest) { at::_fused_adamw_(rest..., amsgrad, maximize); });
    } else {
      apply([](auto&&... rest) { at::_fused_adam_(rest..., amsgrad, maximize); });
    }
  });
}

// With momentum buffers that begin at zero the first step is as PyTorch's, which begins them with the gradient.
int shim_fused_sgd(Fused* fused, double lr, double momentum, double weight_decay, bool nesterov) {
  return shim::guarded([&] {
    at::NoGradGuard no_grad;
    fused->gather_gradients();
    at::_fused_sgd_(fused->parameters, fused->gradients, fused->first, weight_decay, momentum, lr, /*dampening=*/0.0,
                    nesterov, /*maximize=*/false, /*is_first_step=*/false);
  });
}

// As PyTorch's zero_grad(set_to_none=True).
int shim_fused_zero_grad(Fused* fused) {
  return shim::guarded([&] {
    fused->gradients.clear();
    for (auto& parameter : fused->parameters) parameter.mutable_grad().reset();
  });
}

}  // extern "C"
