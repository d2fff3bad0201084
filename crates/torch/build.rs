//! Compiles the C++ shim against libtorch and tells the worker where to find libtorch when it runs.
//!
//! Knows nothing of what the shim does; every `shim/*.cpp` is compiled.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The installed layout: bin/pipe-worker beside lib/pipe.
const INSTALLED: &str = "$ORIGIN/../lib/pipe";

fn main() {
    // torch-sys publishes where it found libtorch.
    let lib = env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys says where libtorch is");
    let lib = fs::canonicalize(&lib).unwrap_or_else(|error| panic!("{lib}: {error}"));
    compile_shim(
        lib.parent()
            .expect("libtorch's lib folder lies in libtorch"),
    );
    link(&lib);
}

fn compile_shim(libtorch: &Path) {
    println!("cargo:rerun-if-changed=shim");
    let mut sources: Vec<PathBuf> = fs::read_dir("shim")
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("shim can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpp"))
        .collect();
    if sources.is_empty() {
        return;
    }
    sources.sort();
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(1)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .include("shim")
        // -isystem: warnings are for our code, not for libtorch's headers.
        .flag("-isystem")
        .flag(libtorch.join("include"))
        .flag("-isystem")
        .flag(libtorch.join("include/torch/csrc/api/include"))
        .files(sources)
        .compile("pipe_shim");
}

fn link(lib: &Path) {
    println!("cargo:rerun-if-env-changed=PIPE_RELOCATABLE");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{INSTALLED}");
    // An installed worker must not reach into the tree that it was built in.
    if env::var_os("PIPE_RELOCATABLE").is_none() {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
    // libtorch.so pulls in the CUDA kernels where there are any. Nothing of ours names their symbols,
    // so that the linker would leave them out.
    for argument in ["-Wl,--no-as-needed", "-ltorch", "-Wl,--as-needed"] {
        println!("cargo:rustc-link-arg={argument}");
    }
}
