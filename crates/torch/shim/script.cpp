// TorchScript modules from source text: no tracing, so that the code reads as it was written.

#include "guard.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>

#include <memory>
#include <string>

using torch::jit::Module;

namespace {

// `ops.quantized.linear_dynamic(...)` in source text is operator `quantized::linear_dynamic`.
struct Operators : torch::jit::SugaredValue {
  std::string kind() const override { return "ops"; }

  std::shared_ptr<torch::jit::SugaredValue> attr(const torch::jit::SourceRange&, torch::jit::GraphFunction&,
                                                 const std::string& field) override {
    return std::make_shared<torch::jit::BuiltinModule>(field);
  }
};

struct Names : torch::jit::Resolver {
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(const std::string& name, torch::jit::GraphFunction& function,
                                                         const torch::jit::SourceRange& range) override {
    if (name == "ops") return std::make_shared<Operators>();
    return torch::jit::nativeResolver()->resolveValue(name, function, range);
  }
};

}  // namespace

extern "C" {

int shim_script_new(const char* name, Module** out) {
  return shim::guarded([&] { *out = new Module(std::string("__torch__.") + name); });
}

void shim_script_free(Module* module) { delete module; }

int shim_script_parameter(Module* module, const char* name, const at::Tensor* value) {
  return shim::guarded([&] { module->register_parameter(name, value->detach(), /*is_buffer=*/false); });
}

int shim_script_buffer(Module* module, const char* name, const at::Tensor* value) {
  return shim::guarded([&] { module->register_buffer(name, value->detach()); });
}

int shim_script_module(Module* module, const char* name, const Module* part) {
  return shim::guarded([&] { module->register_module(name, *part); });
}

int shim_script_attribute(Module* module, const char* name, const c10::IValue* value) {
  return shim::guarded([&] { module->register_attribute(name, value->type(), *value); });
}

int shim_script_define(Module* module, const char* source) {
  return shim::guarded([&] { module->define(source, std::make_shared<Names>()); });
}

int shim_script_freeze(const Module* module, Module** out) {
  return shim::guarded([&] {
    Module still = module->clone();
    still.eval();
    *out = new Module(torch::jit::freeze(still));
  });
}

int shim_script_save(const Module* module, const char* path) {
  return shim::guarded([&] { module->save(path); });
}

int shim_script_forward(Module* module, const at::Tensor* input, at::Tensor** out) {
  return shim::guarded([&] {
    at::NoGradGuard no_grad;
    *out = new at::Tensor(module->forward({*input}).toTensor());
  });
}

}  // extern "C"
