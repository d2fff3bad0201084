//! Files of many sizes, hashed together.

use std::fs::{self, File};

use rustix::fd::AsFd;
use sha2::{Digest as _, Sha256};

use crate::store::{
    hash::{self, Failure, Task},
    stat::Stat,
};

#[test]
fn each_file_has_its_own_answer() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [0, 1, 55, 56, 64, 100, 4_000, 70_000, 300_000, 1_100_000];
    let bytes = |at: usize, size: usize| -> Vec<u8> {
        (0..size)
            .map(|it| (it * 31 + it / 251 + at) as u8)
            .collect()
    };
    let files: Vec<(String, Vec<u8>, Stat)> = (0..60)
        .map(|at| {
            let path = folder.path().join(at.to_string());
            let bytes = bytes(at, sizes[at % sizes.len()]);
            fs::write(&path, &bytes).unwrap();
            (at.to_string(), bytes, Stat::of(&path).unwrap())
        })
        .collect();
    let (gone, changed) = ("17", "36");
    fs::remove_file(folder.path().join(gone)).unwrap();
    fs::write(folder.path().join(changed), "other").unwrap();
    let tasks: Vec<Task<'_>> = (files.iter())
        .map(|(path, _, stat)| Task {
            path,
            stat,
            follow: false,
        })
        .collect();
    let top = File::open(folder.path()).unwrap();
    for tasks in [&tasks[..], &tasks[10..20]] {
        for (task, answer) in tasks.iter().zip(hash::files(top.as_fd(), tasks)) {
            match (task.path, answer) {
                (path, Err(Failure::Io(_))) => assert_eq!(path, gone),
                (path, Err(Failure::Changed)) => assert_eq!(path, changed),
                (path, Ok(digest)) => {
                    let bytes = &files[path.parse::<usize>().unwrap()].1;
                    assert_eq!(digest.0, <[u8; 32]>::from(Sha256::digest(bytes)), "{path}");
                    assert!(path != gone && path != changed);
                }
            }
        }
    }
}
