//! Faces of a run's events: for terminals, for logs, for programs. They decide nothing.
