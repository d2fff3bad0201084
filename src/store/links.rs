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
    names::{StageName, folder_of_spec, identity, path_of_spec, spec_name},
    record::last_note,
    removal, replace,
};
use crate::plan::file_name;

impl Store {
    /// Points the stage's link in `current/` at the record's outputs. For every success and hit. A stage with several outputs
    /// has a folder of links; what a command leaves in the workspace is found there.
    pub fn link_current(&self, name: &str, record: &Record) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        let at = self.current(name);
        let linked = self.link_outputs(&at, record);
        let folder = at.parent().unwrap_or(self.root());
        if folder != self.layout.current() {
            // Who removes a link leaves a trace in its folder.
            self.look(folder);
        }
        linked
    }

    fn link_outputs(&self, at: &Path, record: &Record) -> Result<()> {
        let is_choice = record.parts.kind == "choose";
        // Of a choose stage the model; the dataset beside it is found by its own stage.
        let objects: Vec<(&str, Digest)> = (record.outputs.iter())
            .filter(|(name, _)| !is_choice || *name == "main")
            .map(|(name, it)| (name.as_str(), it.digest))
            .collect();
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

    /// Notes the record as the last one of a stage, by its name among the stages of all specs.
    pub fn note_last(&self, name: &str, record: &Record) -> Result<()> {
        let name = self.with_owner(name)?;
        let is_last = self.with_contents(|contents| {
            let mut aliases = name.aliases().into_iter();
            let is_owner = contents.owner(name.stage) == name.spec;
            contents.last(&name.identity()) == Some(record.key)
                && aliases.all(|alias| contents.last(&alias) == Some(record.key))
                && (!name.is_owner || is_owner)
        })?;
        if self.is_writable && !is_last {
            self.note(last_note(&name, &record.key));
        }
        Ok(())
    }

    /// Where a stage's link in `current/` is: what a user is told of a result. The spec that was the first to have a stage of
    /// this id has `current/<stage>`, others have `current/@<spec>/<stage>`.
    pub fn current(&self, name: &str) -> PathBuf {
        match self.with_owner(name) {
            Ok(name) => self.place_of_link(&name),
            Err(_) => self.layout.current_of(StageName::parse(name).stage),
        }
    }

    /// The same by the path of a spec, as logs name it; that of whichever spec has `current/<stage>` if none is known.
    pub fn current_of(&self, spec: Option<&str>, stage: &str) -> PathBuf {
        let spec = spec.map(spec_name);
        let name = spec.map(|spec| identity(&spec, stage));
        name.map_or_else(|| self.layout.current_of(stage), |name| self.current(&name))
    }

    pub(super) fn place_of_link(&self, name: &StageName<'_>) -> PathBuf {
        match name.spec {
            Some(spec) if !name.is_owner => {
                let folder = self.layout.current().join(folder_of_spec(spec));
                folder.join(file_name(name.stage))
            }
            _ => self.layout.current_of(name.stage),
        }
    }

    /// The name, and whether `current/<stage>` is its link: no other spec has it, or the one that had it is gone.
    pub(super) fn with_owner<'a>(&self, name: &'a str) -> Result<StageName<'a>> {
        let mut name = StageName::parse(name);
        let owner = self.with_contents(|it| it.owner(name.stage).map(str::to_owned))?;
        name.is_owner = match (&owner, name.spec) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(owner), Some(spec)) => owner == spec || !self.has_spec(owner),
        };
        Ok(name)
    }

    /// Whether there is still a file at the path of a spec. One whose path is not known counts as there.
    pub(super) fn has_spec(&self, spec: &str) -> bool {
        let folder = self.root().parent().unwrap_or(self.root());
        path_of_spec(spec).is_none_or(|path| folder.join(path).exists())
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
