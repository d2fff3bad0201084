//! Tests of the real binary and of the house rules: one binary, one file a subject.

mod project;
mod workers;
mod steered;
mod cases;
mod language;
mod tidy;
mod cli;
mod own_table;
mod networks;
mod texts;
mod pages;
mod series;
mod parts;
mod import;
mod init;
mod engine;
mod engine_commands;
mod engine_harm;
mod engine_workers;
mod fetch;
mod digits;
mod shipped;
mod predict;
mod kill;
mod scenes;
mod faults;
