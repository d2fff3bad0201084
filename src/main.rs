//! The `pipe` command. Everything is in `pipe::cli`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Plans and records are many small pieces: the C library's allocator takes a quarter longer over a large spec.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    pipe::cli::run()
}
