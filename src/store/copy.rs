//! Copies of files and trees: by sharing blocks where the file system can, else by bytes. Knows no digest.

use std::{
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, SystemTime},
};

use pipe_data::regular;
use rustix::fs::FileType;

use super::{
    disk,
    error::{At, Result, StoreError},
    stat::Stat,
    tree::{self, Kind, Node, Rules},
};

/// Copies one file to a new path, with the mode that any program would give it: writable, executable where the original is.
pub fn file(from: &Path, to: &Path, stat: &Stat) -> Result<()> {
    let mode = if stat.is_executable() { 0o777 } else { 0o666 };
    let mut source = regular::open(from).at("read", from)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut target = disk::open(&options, to).at("create", to)?;
    if disk::reflink(&source, &target, to).is_ok() {
        return Ok(());
    }
    // It may be the reading that failed, but what fails is nearly always a full disk.
    disk::copy(&mut source, &mut target, to).at("write", to)?;
    Ok(())
}

/// Copies a listed tree into the folder `to`, which exists and is empty.
pub fn nodes(from: &Path, nodes: &[Node], to: &Path) -> Result<()> {
    for node in nodes {
        let (source, target) = (from.join(&node.path), to.join(&node.path));
        match &node.kind {
            Kind::Directory => disk::create_dir(&target).at("create", &target)?,
            Kind::Link { target: text } => {
                disk::symlink(text, &target).at("create", &target)?;
            }
            Kind::File { .. } | Kind::Followed => file(&source, &target, &node.stat)?,
        }
    }
    Ok(())
}

/// Copies a file or folder of the project to a path where nothing is, or a folder, as a reader sees it: links that leave it
/// are followed. Files keep their times and who may read them.
pub fn source(from: &Path, to: &Path) -> Result<()> {
    let stat = Stat::of(from).at("read", from)?;
    if !stat.is_directory() {
        file(from, to, &stat)?;
        return keep_looks(&stat, to);
    }
    let all = tree::list(from, Rules::Source)?;
    match disk::create_dir(to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.at("create", to)?,
    }
    nodes(from, &all, to)?;
    let files = all
        .iter()
        .filter(|it| matches!(it.kind, Kind::File { .. } | Kind::Followed));
    files
        .into_iter()
        .try_for_each(|it| keep_looks(&it.stat, &to.join(&it.path)))
}

/// Programs like make(1) compare times, those like ssh(1) look who may read.
fn keep_looks(stat: &Stat, path: &Path) -> Result<()> {
    keep_times(stat, path)?;
    disk::set_mode(path, stat.mode & 0o777 | 0o200).at("change the mode of", path)
}

fn keep_times(stat: &Stat, path: &Path) -> Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(stat.mtime.max(0) as u64);
    File::options()
        .write(true)
        .open(path)
        .and_then(|it| it.set_modified(time))
        .at("write", path)
}

/// Copies a workspace out into the folder `to`: a folder's content, or a file or link under its own name.
pub fn out(from: &Path, stat: &Stat, to: &Path) -> Result<()> {
    if stat.is_directory() {
        return nodes(from, &tree::list(from, Rules::Artifact)?, to);
    }
    let name = name_of(from)?;
    let node = tree::lone(from, name)?;
    let folder = from.parent().unwrap_or(Path::new("/"));
    nodes(folder, &[node], to)
}

/// Copies a file, link or folder as it is, whatever its names and links: with modes and times of modification.
pub fn whole(from: &Path, to: &Path) -> Result<()> {
    let mut folders = Vec::new();
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(from).to_owned();
            StoreError::io("read", path, error.into())
        })?;
        let inside = entry.path().strip_prefix(from).unwrap_or(Path::new(""));
        // Joining an empty path would add a slash, which files do not have.
        let target = match entry.depth() {
            0 => to.to_owned(),
            _ => to.join(inside),
        };
        let stat = Stat::of_link(entry.path()).at("read", entry.path())?;
        match stat.kind() {
            FileType::Directory => {
                disk::create_dir(&target).at("create", &target)?;
                folders.push((target, stat));
            }
            FileType::Symlink => {
                let text = fs::read_link(entry.path()).at("read", entry.path())?;
                disk::symlink(text, &target).at("create", &target)?;
            }
            FileType::RegularFile => {
                file(entry.path(), &target, &stat)?;
                keep_times(&stat, &target)?;
                set_mode(&target, stat.mode & 0o7777)?;
            }
            kind @ (FileType::Fifo | FileType::Socket) => {
                disk::make_node(&target, kind, stat.mode & 0o7777).at("create", &target)?;
            }
            _ => {
                return Err(StoreError::Unfit {
                    path: entry.path().to_owned(),
                    why: "is a device, and cannot be copied to the disk of the store",
                });
            }
        }
    }
    // From the innermost: a folder that is read-only takes nothing more.
    for (folder, stat) in folders.iter().rev() {
        set_mode(folder, stat.mode & 0o7777)?;
    }
    Ok(())
}

/// The last name of a path, which the artifact of a file has inside.
pub fn name_of(path: &Path) -> Result<&str> {
    path.file_name()
        .and_then(|it| it.to_str())
        .ok_or_else(|| StoreError::Unfit {
            path: path.to_owned(),
            why: "has a name that is not UTF-8",
        })
}

pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    disk::set_mode(path, mode).at("change the mode of", path)
}
