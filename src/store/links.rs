//! How people find things: `current/<stage>` is the last success, `runs/<run>/<stage>` what a run executed.
//! Links only; nothing reads them but people and `gc`.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pipe_schema::{manifest::Digest, record::Record};

use super::{
    Store, disk,
    error::{At, Result},
    index::Line,
    lookup::named_objects,
    removal,
};
use crate::plan::file_name;

impl Store {
    /// Points `current/<stage>` at the record's outputs and notes it as the stage's last. For every success and hit.
    /// A stage with several outputs has a folder of links.
    pub fn link_current(&self, stage: &str, record: &Record) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        self.note_last(stage, record)?;
        self.link(&self.layout.current_of(stage), record)
    }

    /// Notes the record as the last one under a name, for `reasons`: a stage's, or a stage's in one of several specs.
    pub fn note_last(&self, name: &str, record: &Record) -> Result<()> {
        if self.is_writable && self.with_index(|index| index.last(name))? != Some(record.key) {
            self.note(Line::Record {
                key: record.key,
                stage: name.to_owned(),
            });
        }
        Ok(())
    }

    /// Where `current/<stage>` is: what a user is told of a result.
    pub fn current(&self, stage: &str) -> PathBuf {
        self.layout.current_of(stage)
    }

    /// Points `runs/<run>/<stage>` at what was published.
    pub(super) fn link_run(&self, record: &Record) -> Result<()> {
        let seen = &record.observed;
        if seen.run.is_empty() || seen.stage.is_empty() {
            return Ok(());
        }
        let folder = self.layout.run_links().join(file_name(&seen.run));
        self.link(&folder.join(file_name(&seen.stage)), record)
    }

    fn link(&self, at: &Path, record: &Record) -> Result<()> {
        let objects: Vec<(&str, Digest)> = named_objects(record).collect();
        match objects.as_slice() {
            [] => Ok(()),
            [(_, digest)] => self.point(at, digest),
            several => {
                self.look(at);
                if at.is_symlink() {
                    removal::remove_tree(at)?;
                }
                let names: Vec<String> = several.iter().map(|(name, _)| file_name(name)).collect();
                for old in super::record::children(at)? {
                    if !names.contains(&old) {
                        removal::remove_tree(&at.join(old))?;
                    }
                }
                for (name, (_, digest)) in names.iter().zip(several) {
                    self.point(&at.join(name), digest)?;
                }
                Ok(())
            }
        }
    }

    /// Makes `at` a relative link to the object, in one step; nothing is done where it is one.
    fn point(&self, at: &Path, digest: &Digest) -> Result<()> {
        let object = self.layout.object(digest);
        let root = self.layout.root();
        let depth = at
            .strip_prefix(root)
            .map_or(1, |it| it.components().count())
            - 1;
        let mut target: PathBuf = std::iter::repeat_n("..", depth).collect();
        target.push(object.strip_prefix(root).unwrap_or(&object));
        match fs::read_link(at) {
            Ok(now) if now == target => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match super::with_parent(at, || disk::symlink(&target, at)) {
                    // Another process was faster: ours is later.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    made => return made.at("create", at),
                }
            }
            // A folder of links, from when it had several outputs.
            Err(_) => removal::remove_tree(at)?,
        }
        let scratch = self.own_scratch()?;
        let link = scratch.path.join("link");
        disk::symlink(&target, &link).at("create", &link)?;
        disk::rename(&link, at).at("create", at)
    }
}
