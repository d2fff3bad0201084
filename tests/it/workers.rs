//! The worker programs that tests need: found beside `pipe`, and built first where they are missing or old.
//! `cargo test -p pipe` builds only `pipe`, so nothing else makes sure of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

use crate::project::repository;

/// The real worker, with libtorch. `pipe` finds it by itself: it lies beside it.
pub fn real() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    // The default members together: the same choice of features as a plain `cargo build`, so nothing is built twice.
    PATH.get_or_init(|| built("pipe-worker", &["crates"], &[]))
}

/// A worker without tensors; `tests/worker` says how it is steered. Give it to `pipe` in `PIPE_WORKER`.
pub fn fake() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        built(
            "fake-worker",
            &["tests/worker/src", "crates/schema/src", "crates/wire/src"],
            &["--package", "fake-worker"],
        )
    })
}

fn built(name: &str, sources: &[&str], selection: &[&str]) -> PathBuf {
    let pipe = Path::new(env!("CARGO_BIN_EXE_pipe"));
    let program = pipe.with_file_name(name);
    if is_newer(&program, sources) {
        return program;
    }
    let folder = pipe.parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(repository())
        .args(["build", "--quiet", "--locked"])
        .args(selection);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().unwrap();
    assert!(
        status.success() && program.exists(),
        "cannot build {name}: {cargo:?}"
    );
    program
}

/// Whether a program is younger than all that it is made from.
fn is_newer(program: &Path, sources: &[&str]) -> bool {
    let modified = |path: &Path| {
        fs::metadata(path)
            .and_then(|it| it.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let built = modified(program);
    sources
        .iter()
        .flat_map(|it| walkdir::WalkDir::new(repository().join(it)))
        .flatten()
        .filter(|it| it.file_type().is_file())
        .all(|it| modified(it.path()) <= built)
}
