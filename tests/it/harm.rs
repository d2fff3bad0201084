//! Doing harm to a store, as broken disks and people do. Knows the layout; not what follows from it.

use std::{
    fs::{self, File, FileTimes},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::model::Harm;

/// Harms the object, manifest or record of this number, if there is any.
pub fn damage(artifacts: &Path, object: u8, harm: Harm) {
    let nth = |found: Vec<PathBuf>| match found.len() {
        0 => None,
        count => Some(found[usize::from(object) % count].clone()),
    };
    let objects = || below(&artifacts.join("objects"), |it| !is_manifest(it));
    let manifests = || below(&artifacts.join("objects"), is_manifest);
    let records = || below(&artifacts.join("records"), |_| true);
    let index = artifacts.join("index/records");
    if harm.is_harmless() {
        match harm {
            Harm::Mode => {
                if let Some(path) = nth(objects()) {
                    set_mode(&path, 0o644);
                }
            }
            Harm::Index if index.exists() => fs::write(index, "garbage\n").unwrap(),
            _ => drop(fs::remove_file(index)),
        }
        return;
    }
    let path = match harm {
        Harm::Manifest | Harm::NoManifest => nth(manifests()),
        Harm::Record => nth(records()),
        _ => nth(objects()),
    };
    let Some(path) = path else { return };
    set_mode(path.parent().unwrap(), 0o755);
    set_mode(&path, 0o644);
    let bytes = fs::read(&path).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut flipped = bytes.clone();
    if let Some(first) = flipped.first_mut() {
        *first ^= 1;
    }
    match harm {
        Harm::Flip | Harm::Manifest => fs::write(&path, flipped).unwrap(),
        Harm::FlipUnseen => {
            fs::write(&path, flipped).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_times(FileTimes::new().set_modified(time)).unwrap();
        }
        Harm::Cut | Harm::Record => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
        Harm::Swap => {
            let other = objects().pop().unwrap();
            let others = fs::read(&other).unwrap();
            set_mode(&other, 0o644);
            fs::write(&path, others).unwrap();
            fs::write(&other, bytes).unwrap();
        }
        _ => fs::remove_file(&path).unwrap(),
    }
}

fn is_manifest(name: &str) -> bool {
    Path::new(name).extension().is_some()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Files below a folder whose names are wanted, sorted.
fn below(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|it| it.file_type().is_file() && is_wanted(&it.file_name().to_string_lossy()))
        .map(walkdir::DirEntry::into_path)
        .collect();
    found.sort();
    found
}
