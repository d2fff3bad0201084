// How every entry point of the shim fails: it returns -1 and keeps the text, without libtorch's backtrace.
// No exception crosses into Rust.
#pragma once

#include <c10/util/Exception.h>

#include <exception>

namespace shim {

void keep_error(const char* text) noexcept;

template <typename Body>
int guarded(Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error& error) {
    keep_error(error.what_without_backtrace());
  } catch (const std::exception& error) {
    keep_error(error.what());
  } catch (...) {
    keep_error("an exception of unknown type");
  }
  return -1;
}

}  // namespace shim
