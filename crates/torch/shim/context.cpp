// State of the whole process: random generators, determinism, what libtorch and the machine are, the allocator.

#include "guard.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <dlfcn.h>
#include <malloc.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace {

const at::Generator& generator(bool cuda) {
  return at::globalContext().defaultGenerator(cuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU));
}

}  // namespace

extern "C" {

int shim_rng_state(bool cuda, at::Tensor** out) {
  return shim::guarded([&] {
    auto source = generator(cuda);
    std::lock_guard<std::mutex> lock(source.mutex());
    *out = new at::Tensor(source.get_state());
  });
}

int shim_set_rng_state(bool cuda, const at::Tensor* state) {
  return shim::guarded([&] {
    auto target = generator(cuda);
    std::lock_guard<std::mutex> lock(target.mutex());
    target.set_state(*state);
  });
}

// Equal inputs give equal bits, and f32 means f32: no TF32 on a GPU, whatever the environment says.
// cuBLAS is deterministic only with a workspace of its own, which it takes from the environment when it starts.
int shim_be_deterministic() {
  return shim::guarded([&] {
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setFloat32MatmulPrecision("highest");
    // Our code reads no memory before it is written: no need to fill it.
    at::globalContext().setDeterministicFillUninitializedMemory(false);
  });
}

const char* shim_libtorch_version() { return TORCH_VERSION; }

// The instruction set that libtorch's kernels use on this machine.
int shim_cpu_capability(const char** out) {
  return shim::guarded([&] {
    static const std::string name = at::get_cpu_capability();
    *out = name.c_str();
  });
}

// From the driver itself, so that a libtorch without CUDA builds this too. Gives -1 where there is none.
int shim_cuda_capability(int* major, int* minor) {
  return shim::guarded([&] {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW);
    TORCH_CHECK(driver != nullptr, "no CUDA driver");
    const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
    const auto device = reinterpret_cast<int (*)(int*, int)>(dlsym(driver, "cuDeviceGet"));
    const auto attribute = reinterpret_cast<int (*)(int*, int, int)>(dlsym(driver, "cuDeviceGetAttribute"));
    constexpr int kMajor = 75, kMinor = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
    int first = 0;
    const bool known = init != nullptr && device != nullptr && attribute != nullptr && init(0) == 0 &&
                       device(&first, 0) == 0 && attribute(major, kMajor, first) == 0 && attribute(minor, kMinor, first) == 0;
    TORCH_CHECK(known, "the CUDA driver does not answer");
  });
}

// Training frees and takes the same sizes over and over: keep the memory instead of giving it back to the kernel each time.
void shim_tune_allocator() {
  // Older versions of glibc refuse more than 32 MiB.
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // extern "C"
