//! How things in a store are harmed, as users who insist do it and as broken disks do.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Opens the way to a file of an artifact, as a user who insists does.
fn open(path: &Path) {
    chmod(path.parent().unwrap(), 0o755);
    if !path.is_symlink() {
        chmod(path, 0o755);
    }
}

pub fn write(path: &Path, text: &str) {
    open(path);
    fs::write(path, text).unwrap();
    chmod(path, 0o644);
}

pub fn truncate(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    write(path, &text[..text.len() / 2]);
}

/// As some file systems do after a loss of power.
pub fn zero(path: &Path) {
    let length = fs::read(path).unwrap().len();
    write(path, &"\0".repeat(length));
}

pub fn remove(path: &Path) {
    chmod(path.parent().unwrap(), 0o755);
    if path.is_dir() {
        for entry in walkdir::WalkDir::new(path).into_iter().flatten() {
            if entry.file_type().is_dir() {
                chmod(entry.path(), 0o755);
            }
        }
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

pub fn swap(one: &Path, other: &Path) {
    let aside = one.with_extension("aside");
    for path in [one, other] {
        open(path);
    }
    fs::rename(one, &aside).unwrap();
    fs::rename(other, one).unwrap();
    fs::rename(&aside, other).unwrap();
}

pub fn folder_instead(path: &Path) {
    remove(path);
    fs::create_dir(path).unwrap();
}
