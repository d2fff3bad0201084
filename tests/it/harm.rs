//! Doing harm to a store, as broken disks and people do. Knows the layout; not what follows from it.

use std::{
    fs::{self, File, FileTimes},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    journal::{frames, journals},
    model::Harm,
};

/// Harms the artifact, manifest, record or journal of this number, if there is any.
pub fn damage(artifacts: &Path, number: u8, harm: Harm) {
    let number = usize::from(number);
    match harm {
        Harm::NoIndex => drop(fs::remove_dir_all(artifacts.join("index"))),
        Harm::Manifest => harm_frame(artifacts, 't', number),
        Harm::Pack => harm_frame(artifacts, 'p', number),
        Harm::Record => harm_frame(artifacts, 'r', number),
        Harm::NoRecord => {
            if let Some(frame) = nth(frames(artifacts, 'r'), number) {
                frame.remove();
            }
        }
        Harm::Nonsense => {
            if let Some(frame) = nth(frames(artifacts, 'r'), number) {
                frame.change(|bytes| {
                    bytes.splice(frame.range.start..frame.range.start, *b"\x1er nonsense\n");
                });
            }
        }
        Harm::CutJournal => {
            if let Some(path) = nth(journals(artifacts), number) {
                let bytes = fs::read(&path).unwrap();
                fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            }
        }
        Harm::NoJournal => {
            if let Some(path) = nth(journals(artifacts), number) {
                fs::remove_file(path).unwrap();
            }
        }
        _ => {
            let objects = below(&artifacts.join("objects"));
            if let Some(path) = nth(objects.clone(), number) {
                harm_file(&path, &objects, harm);
            }
        }
    }
}

fn nth<T>(mut found: Vec<T>, number: usize) -> Option<T> {
    let count = found.len();
    (count > 0).then(|| found.swap_remove(number % count))
}

fn harm_frame(artifacts: &Path, kind: char, number: usize) {
    if let Some(frame) = nth(frames(artifacts, kind), number) {
        frame.harm(|bytes| bytes[number % bytes.len()] ^= 1);
    }
}

fn harm_file(path: &Path, objects: &[PathBuf], harm: Harm) {
    set_mode(path.parent().unwrap(), 0o755);
    set_mode(path, 0o644);
    let bytes = fs::read(path).unwrap();
    let time = fs::metadata(path).unwrap().modified().unwrap();
    let mut flipped = bytes.clone();
    if let Some(first) = flipped.first_mut() {
        *first ^= 1;
    }
    match harm {
        Harm::Mode => {}
        Harm::Flip => fs::write(path, flipped).unwrap(),
        Harm::FlipUnseen => {
            fs::write(path, flipped).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            file.set_times(FileTimes::new().set_modified(time)).unwrap();
        }
        Harm::Cut => fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
        Harm::Swap => {
            let other = objects.last().unwrap();
            let others = fs::read(other).unwrap();
            set_mode(other, 0o644);
            fs::write(path, others).unwrap();
            fs::write(other, bytes).unwrap();
        }
        _ => fs::remove_file(path).unwrap(),
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Files below a folder, sorted.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|it| it.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    found.sort();
    found
}
