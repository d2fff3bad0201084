//! The `pipe` command. Everything is in `pipe::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pipe::cli::run()
}
