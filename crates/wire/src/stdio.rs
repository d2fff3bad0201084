//! What the process was started with: the language's runtime opens `/dev/null` for a standard stream that is closed, after
//! which writing to it seems to succeed.

use std::sync::atomic::{AtomicBool, Ordering};

static WAS_OUTPUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the process was started without a standard output, as by `>&-`.
pub fn was_output_closed() -> bool {
    WAS_OUTPUT_CLOSED.load(Ordering::Relaxed)
}

extern "C" fn note() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    WAS_OUTPUT_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// Called by the system's loader before the runtime begins.
// SAFETY: the section is an array of functions of this type; this one neither allocates nor needs the runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = note;
