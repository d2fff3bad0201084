//! Publishing: what a job wrote becomes artifacts and a record, all or nothing, whatever kills us on the way.
//!
//! Everything is written and hashed under `tmp/`; one sync makes it durable; then renames make it visible, in an order in which
//! each step means nothing without the ones before: the artifact's folder, its manifest, the record.
//! What a crash leaves between two of them is found by the next who looks, and finished or replaced.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use indexmap::IndexMap;
use pipe_schema::{
    key::KeyParts,
    manifest::Digest,
    record::{Observed, Out, Output, Record},
    stage::ArtifactType,
};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    index::Line,
    lease::Scratch,
    object::seal,
    record, removal,
    stage::{Staged, Tree, stage_out},
    tree::{self, Node, Rules},
};
use crate::key;

/// What a finished job hands over.
#[derive(Debug)]
pub struct Publication {
    pub parts: KeyParts,
    /// Name, type, and where it was written: a folder, or a single file, which is wrapped:
    /// a report as `metrics.json`, a model as `model.pt`, anything else under the output's name.
    /// It is moved away from there, unless it is an artifact of this store already.
    pub outputs: Vec<(String, ArtifactType, PathBuf)>,
    /// A command's outs: the path as written in the spec, and where it lies in the workspace. They are copied.
    pub outs: Vec<(String, PathBuf)>,
    pub observed: Observed,
}

/// A publication that is written and hashed, but not visible.
struct Ready {
    record: Record,
    record_file: PathBuf,
    trees: Vec<(Digest, Tree)>,
}

/// The same error for another publication.
fn again(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

impl Store {
    /// Takes outputs and outs into the store and records them; all or nothing.
    pub fn publish(&self, publication: Publication) -> Result<Record> {
        match self.publish_all(vec![publication]).pop() {
            Some(result) => result,
            None => Err(StoreError::ReadOnly(self.layout.root().to_owned())),
        }
    }

    /// The same for several jobs that ended together, at the price of one sync.
    pub fn publish_all(&self, publications: Vec<Publication>) -> Vec<Result<Record>> {
        // Removed at the end, with all that was not moved out of it.
        let mut scratch = None;
        let staged: Vec<Result<Ready>> = (publications.into_iter())
            .map(|it| self.stage(it, &mut scratch))
            .collect();
        // One error would be the same for all: the disk has it.
        let is_synced = self.sync();
        let mut results = Vec::with_capacity(staged.len());
        for ready in staged {
            results.push(match (&is_synced, ready) {
                (Ok(()), Ok(ready)) => self.show(ready),
                (Err(error), Ok(_)) => {
                    Err(StoreError::io("write", self.layout.root(), again(error)))
                }
                (_, Err(error)) => Err(error),
            });
        }
        self.write_notes();
        results
    }

    /// Makes sure that all published so far survives a loss of power, and saves what was learned of source files.
    /// Called at the end of a run; without it the last results may have to be made again.
    pub fn flush(&self) -> Result<()> {
        self.save_sources()?;
        self.write_notes();
        if self
            .is_unsynced
            .swap(false, std::sync::atomic::Ordering::Relaxed)
        {
            self.sync().at("write", self.layout.root())?;
        }
        Ok(())
    }

    /// All that was written to the file system so far. The descriptor was opened before, else errors would be missed.
    fn sync(&self) -> io::Result<()> {
        disk::sync_all(&self.folder, self.root())
    }

    /// `scratch` is shared by a batch; the first makes it.
    fn stage(&self, publication: Publication, scratch: &mut Option<Scratch>) -> Result<Ready> {
        self.must_write()?;
        let Publication {
            parts,
            outputs,
            outs,
            observed,
        } = publication;
        let scratch = match scratch {
            Some(scratch) => scratch,
            None => scratch.insert(self.own_scratch()?),
        };
        let mut trees: Vec<(Digest, Tree)> = Vec::new();
        let mut keep = |staged: Staged| {
            let is_new = |digest: Digest| !trees.iter().any(|(it, _)| *it == digest);
            if let Some(tree) = staged.tree.filter(|_| is_new(staged.digest)) {
                trees.push((staged.digest, tree));
            }
        };
        let mut record = Record {
            key: key::of(&parts),
            parts,
            outputs: IndexMap::new(),
            outs: IndexMap::new(),
            observed,
        };
        for (name, r#type, path) in outputs {
            let staged = self.stage_output(scratch, &name, r#type, &path)?;
            let output = Output {
                r#type,
                digest: staged.digest,
                bytes: staged.bytes,
            };
            record.outputs.insert(name, output);
            keep(staged);
        }
        for (name, path) in outs {
            let (staged, is_directory) = stage_out(scratch, &name, &path)?;
            let out = Out {
                digest: staged.digest,
                bytes: staged.bytes,
                is_directory,
            };
            record.outs.insert(name, out);
            keep(staged);
        }
        let record_file = scratch.new_path("record");
        disk::write(&record_file, record::encode(&record)?).at("write", &record_file)?;
        Ok(Ready {
            record,
            record_file,
            trees,
        })
    }

    /// Makes it visible. All bytes are durable by now.
    fn show(&self, ready: Ready) -> Result<Record> {
        let Ready {
            record,
            record_file,
            trees,
        } = ready;
        for (digest, tree) in &trees {
            self.place(digest, tree)?;
        }
        for (_, digest) in super::lookup::named_objects(&record) {
            // Those that were there before, too: a record must not speak of what is gone.
            if !trees.iter().any(|(it, _)| *it == digest)
                && let Some(what) = self.check_object(&digest, false)?
            {
                return Err(StoreError::Damaged {
                    path: self.layout.object(&digest),
                    what,
                });
            }
        }
        let path = self.layout.record(&record.key);
        super::with_parent(&path, || disk::rename(&record_file, &path)).at("write", &path)?;
        self.forget_damage(&record.key.0);
        for (_, digest) in super::lookup::named_objects(&record) {
            self.forget_damage(&digest);
        }
        self.is_unsynced
            .store(true, std::sync::atomic::Ordering::Relaxed);
        self.note(Line::Record {
            key: record.key,
            stage: record.observed.stage.clone(),
        });
        // It is published; what follows only makes life easier, and must not make it look as if it were not.
        let _ = self.link_run(&record);
        Ok(record)
    }

    /// Moves a tree to its place, unless it is there already: another run won, or the same bytes were made before.
    fn place(&self, digest: &Digest, tree: &Tree) -> Result<()> {
        let to = self.layout.object(digest);
        for _ in 0..3 {
            // Renamed while it is writable: an ordinary user cannot move a read-only folder.
            match super::with_parent(&to, || disk::rename(&tree.folder, &to)) {
                Ok(()) => {
                    seal(&to, &tree.nodes)?;
                    let nodes = self.as_hashed(&to, &tree.nodes)?;
                    let manifest = self.layout.manifest(digest);
                    disk::rename(&tree.manifest, &manifest).at("write", &manifest)?;
                    return self.stamp(digest, &nodes);
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::DirectoryNotEmpty
                            | ErrorKind::AlreadyExists
                            | ErrorKind::NotADirectory
                    ) =>
                {
                    // Theirs is ours if it is whole. If not, it was set aside and the place is free.
                    if self.check_object(digest, false)?.is_none() {
                        return removal::remove_tree(&tree.folder);
                    }
                }
                Err(error) => return Err(StoreError::io("publish", &to, error)),
            }
        }
        Err(StoreError::Busy {
            path: self.layout.root().to_owned(),
            what: format!("`{}` cannot be put in its place", to.display()),
        })
    }

    /// Looks that nothing wrote to the tree between hashing and sealing, as a program that outlived its stage might.
    fn as_hashed(&self, folder: &Path, hashed: &[Node]) -> Result<Vec<Node>> {
        let now = tree::list(folder, Rules::Artifact)?;
        let is_same = |a: &Node, b: &Node| {
            a.path == b.path
                && (a.stat.ino, a.stat.size, a.stat.mtime)
                    == (b.stat.ino, b.stat.size, b.stat.mtime)
        };
        if now.len() == hashed.len() && now.iter().zip(hashed).all(|(a, b)| is_same(a, b)) {
            return Ok(now);
        }
        self.set_aside(folder)?;
        Err(StoreError::Changing(folder.to_owned()))
    }
}
