//! How people find things: `current/<stage>` leads to the last success, `runs/<run>` tells what a run made.
//! Nothing reads them but people and `gc`.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pipe_schema::{manifest::Digest, record::Record};

use super::{
    Store, disk,
    error::{At, Result},
    record::last_note,
    removal, replace,
};
use crate::plan::file_name;

impl Store {
    /// Points `current/<stage>` at the record's outputs. For every success and hit. A stage with several outputs has a folder
    /// of links; what a command leaves in the workspace is found there.
    pub fn link_current(&self, stage: &str, record: &Record) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        let at = self.layout.current_of(stage);
        let objects: Vec<(&str, Digest)> = (record.outputs.iter())
            .map(|(name, it)| (name.as_str(), it.digest))
            .collect();
        match objects.as_slice() {
            [] => Ok(()),
            [(_, digest)] => self.point(&at, digest),
            several => {
                self.look(&at);
                if at.is_symlink() {
                    removal::remove_tree(&at)?;
                }
                let names: Vec<String> = several.iter().map(|(name, _)| file_name(name)).collect();
                for old in super::record::children(&at)? {
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

    /// Notes the record as the last one under a name, `<spec>/<stage>`; and under the stage's own.
    pub fn note_last(&self, name: &str, record: &Record) -> Result<()> {
        let stage = name.split_once('/').map_or(name, |it| it.1);
        let is_last = self.with_contents(|it| {
            it.last(name) == Some(record.key) && it.last(stage) == Some(record.key)
        })?;
        if self.is_writable && !is_last {
            self.note(last_note(name, &record.key));
        }
        Ok(())
    }

    /// Where `current/<stage>` is: what a user is told of a result.
    pub fn current(&self, stage: &str) -> PathBuf {
        self.layout.current_of(stage)
    }

    /// Writes `runs/<run>`: what was made, and where it lies. Nothing for a run that made nothing.
    pub fn list_run<'a>(
        &self,
        run: &str,
        made: impl Iterator<Item = (&'a str, &'a Record)>,
    ) -> Result<()> {
        let mut list = String::new();
        for (stage, record) in made {
            for (name, output) in &record.outputs {
                let path = self.layout.object(&output.digest);
                let path = path.strip_prefix(self.root()).unwrap_or(&path);
                list += &format!("{stage}\t{name}\t{}\n", path.display());
            }
            for (name, out) in &record.outs {
                list += &format!("{stage}\t{name}\t{}\n", out.digest);
            }
        }
        if list.is_empty() || !self.is_writable {
            return Ok(());
        }
        replace::replace(
            &self.layout.run_lists().join(file_name(run)),
            list.as_bytes(),
        )
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
