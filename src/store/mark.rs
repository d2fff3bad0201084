//! What is noted of a workspace out from one job to the next, so that what a job left there is told from what people wrote.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

use super::{
    journal::{Kind, Note},
    layout::path_id,
    stat::Stat,
};

/// What is known of what lies where an out belongs, from one job to the next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// What is there was published, or is the user's.
    None,
    /// A job began to write there, and nobody noted its end. What gave way to it was to be kept under this path.
    Begun(Option<PathBuf>),
    /// A job failed and left this behind.
    Left(Digest),
}

/// Between the path of an out, which has no line breaks, and that under which something is kept.
const KEPT: &str = "\nkept ";

impl Mark {
    /// The path is for people who look: its line breaks are left out.
    pub fn note(&self, path: &Path) -> Note {
        let shown = path.to_string_lossy().replace('\n', "\u{fffd}");
        let text = match self {
            Self::None => "free".to_owned(),
            Self::Begun(None) => format!("begun {shown}"),
            Self::Begun(Some(kept)) => {
                format!("begun {shown}{KEPT}{}", kept.display())
            }
            Self::Left(picture) => format!("left {picture} {shown}"),
        };
        Note::new(Kind::Out, path_id(path), text)
    }

    pub fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        match (words.next(), words.next().map(str::parse)) {
            (Some("left"), Some(Ok(picture))) => Self::Left(picture),
            (Some("" | "free") | None, _) => Self::None,
            _ => Self::Begun(text.split_once(KEPT).map(|(_, kept)| kept.into())),
        }
    }
}

/// A digest over all that the file system says of a path and what is below; none where it cannot be read.
pub(super) fn picture(path: &Path) -> Option<Digest> {
    let mut hasher = Sha256::new();
    if fs::symlink_metadata(path).is_ok() {
        for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
            let entry = entry.ok()?;
            let name = entry.path().as_os_str().as_encoded_bytes();
            hasher.update((name.len() as u64).to_be_bytes());
            hasher.update(name);
            hasher.update(Stat::of_link(entry.path()).ok()?.bytes());
        }
    }
    Some(Digest(hasher.finalize().into()))
}

/// The same wherever it lies, without what moving it changes: the top's time of change, and whether its owner may enter it.
pub(super) fn outline(path: &Path) -> Option<Digest> {
    let mut hasher = Sha256::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.ok()?;
        let mut stat = Stat::of_link(entry.path()).ok()?;
        if entry.depth() == 0 {
            stat.ctime = 0;
            if stat.is_directory() {
                stat.mode |= 0o700;
            }
        }
        let inside = entry.path().strip_prefix(path).ok()?;
        let name = inside.as_os_str().as_encoded_bytes();
        hasher.update((name.len() as u64).to_be_bytes());
        hasher.update(name);
        hasher.update(stat.bytes());
    }
    Some(Digest(hasher.finalize().into()))
}
