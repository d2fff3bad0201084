//! All that is written to disk or crosses a process boundary. Types only; no I/O.
