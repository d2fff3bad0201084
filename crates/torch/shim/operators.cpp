// Any operator of libtorch by its name, called with boxed values: what tch's generated API leaves out.

#include "guard.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <string>
#include <utility>

namespace shim {

static thread_local std::string last_error;

void keep_error(const char* text) noexcept {
  try {
    last_error = text;
  } catch (...) {
    last_error.clear();
  }
}

}  // namespace shim

extern "C" {

const char* shim_last_error() { return shim::last_error.c_str(); }

int shim_operator_find(const char* name, const char* overload, c10::OperatorHandle** out) {
  return shim::guarded([&] {
    *out = new c10::OperatorHandle(c10::Dispatcher::singleton().findSchemaOrThrow(name, overload));
  });
}

void shim_operator_free(c10::OperatorHandle* handle) { delete handle; }

// Arguments that are left out at the end take the schema's defaults. Gives the first result.
int shim_operator_call(const c10::OperatorHandle* handle, c10::IValue** arguments, int count, c10::IValue** out) {
  return shim::guarded([&] {
    const auto& declared = handle->schema().arguments();
    TORCH_CHECK(static_cast<size_t>(count) <= declared.size(), handle->schema().name(), " takes ", declared.size(),
                " arguments, not ", count);
    torch::jit::Stack stack;
    stack.reserve(declared.size());
    for (int i = 0; i < count; i++) stack.push_back(*arguments[i]);
    for (size_t i = count; i < declared.size(); i++) {
      const auto& value = declared[i].default_value();
      TORCH_CHECK(value.has_value(), handle->schema().name(), " needs a value for ", declared[i].name());
      stack.push_back(*value);
    }
    handle->callBoxed(stack);
    TORCH_CHECK(!stack.empty(), handle->schema().name(), " gave nothing");
    *out = new c10::IValue(std::move(stack.front()));
  });
}

}  // extern "C"
