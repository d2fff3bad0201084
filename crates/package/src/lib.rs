//! Packages from anywhere: who opens one, opens it here. A stranger may have made it, so nothing in it is believed before it
//! was checked: that its files are regular files, that they are those of its manifest, that every length and index in them
//! fits the others. No program in it is run. Plain Rust; unaware of tensors, stages and stores.

pub mod error;
mod folder;
mod manifest;
mod files;
mod schema;
mod network;
mod weights;
mod golden;
mod package;

pub use self::{
    error::PackageError,
    files::{ManifestCheck, PackageFiles, ReadOptions},
    manifest::write_manifest,
    network::NetworkSize,
    package::{LayerNetwork, OpenOptions, Package},
    weights::check_weights,
};
