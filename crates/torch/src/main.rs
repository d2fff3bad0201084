//! `pipe-worker`: the process that does tensor work. The runner starts it; people ask it what it finds here.

use std::{env, process::ExitCode};

use pipe_torch::{confine, job::perform, probe, shim};

const USAGE: &str = "pipe-worker is started by pipe. By hand:
  pipe-worker probe        what libtorch finds on this machine, as JSON
  pipe-worker --version";

fn main() -> ExitCode {
    let mode = env::args().nth(1);
    match mode.as_deref() {
        Some("zygote") => {
            stay_small();
            pipe_wire::zygote::serve(perform)
        }
        Some("job") => {
            stay_small();
            pipe_wire::job::serve_prepared(confine::confine, perform)
        }
        Some("probe") => print_probe(),
        Some("--version") => {
            let libtorch = shim::libtorch_version();
            println!(
                "pipe-worker {} (libtorch {libtorch})",
                env!("CARGO_PKG_VERSION")
            );
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// One thread until a job says otherwise: a zygote with more could not fork safely.
fn stay_small() {
    tch::set_num_threads(1);
    shim::tune_allocator();
}

fn print_probe() -> ExitCode {
    stay_small();
    let text = probe::environments()
        .map_err(|error| error.to_string())
        .and_then(|it| serde_json::to_string_pretty(&it).map_err(|error| error.to_string()));
    match text {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
