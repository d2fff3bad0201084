//! Publishing: what a job wrote becomes artifacts and a record, all or nothing, whatever kills us on the way.
//!
//! Folders are written and hashed under `tmp/`; one sync makes them durable; renames put them in their places. Then a single
//! write to a journal, small artifacts and records together, makes all of a batch known. What a crash leaves between the two is
//! found by the next who looks, and used or replaced.

use std::{
    cell::OnceCell,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use indexmap::IndexMap;
use pipe_schema::{
    key::KeyParts,
    manifest::{Digest, Manifest},
    record::{Observed, Out, Output, Record},
    stage::ArtifactType,
};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    journal::{Kind, Note},
    lease::Scratch,
    lookup::named_objects,
    object::{seal, tree_note},
    pack,
    record::{last_note, note_of},
    removal,
    revocation::wall_time,
    stage::{Form, Staged, Tree},
    tree::{self, Node, Rules},
};
use crate::key;

/// How long results may be known and not survive a loss of power.
const LONGEST_UNSYNCED: Duration = Duration::from_secs(1);

/// What a finished job hands over.
#[derive(Debug)]
pub struct Publication {
    pub parts: KeyParts,
    /// The stage's, among all specs that share the store.
    pub name: String,
    /// Name, type, and where it was written: a folder, or a single file, which is wrapped:
    /// a report as `metrics.json`, a model as `model.pt`, anything else under the output's name.
    /// It is moved away from there, unless it is an artifact of this store already.
    pub outputs: Vec<(String, ArtifactType, PathBuf)>,
    /// A command's outs: the path as written in the spec, and where it lies in the workspace. They are copied.
    pub outs: Vec<(String, PathBuf)>,
    pub observed: Observed,
}

impl Publication {
    /// Whether it waits for the disk, as far as can be told before: folders must be durable before they are spoken of.
    pub fn needs_sync(&self) -> bool {
        let is_small = |path: &PathBuf| {
            let stat = fs::symlink_metadata(path);
            stat.is_ok_and(|it| !it.is_dir() && it.len() <= pack::MOST_BYTES)
        };
        !self.outputs.is_empty() || !self.outs.iter().all(|(_, path)| is_small(path))
    }
}

/// A publication that is written and hashed, but not visible.
pub(super) struct Ready {
    pub record: Record,
    name: String,
    trees: Vec<(Digest, Tree)>,
    /// What is small.
    packs: Vec<Note>,
}

/// A publication of which all folders are in their places, and what is to be written down of it.
struct Placed {
    record: Record,
    notes: Vec<Note>,
}

/// The same error for another publication.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Removed(root) => StoreError::Removed(root.clone()),
        StoreError::Io {
            action,
            path,
            source,
        } => {
            let source = source
                .raw_os_error()
                .map_or_else(|| source.kind().into(), io::Error::from_raw_os_error);
            StoreError::io(action, path, source)
        }
        other => StoreError::Damaged {
            path: PathBuf::from("journal"),
            what: other.to_string(),
        },
    }
}

impl Store {
    /// Takes outputs and outs into the store and records them; all or nothing.
    pub fn publish(&self, publication: Publication) -> Result<Record> {
        match self.publish_all(vec![publication]).pop() {
            Some(result) => result,
            None => Err(StoreError::ReadOnly(self.layout.root().to_owned())),
        }
    }

    /// The same for several jobs that ended together, at the price of one sync and one write.
    pub fn publish_all(&self, publications: Vec<Publication>) -> Vec<Result<Record>> {
        // Removed at the end, with all that was not moved out of it.
        let scratch = OnceCell::new();
        let scratch = || -> Result<Arc<Scratch>> {
            if let Some(made) = scratch.get() {
                return Ok(Arc::clone(made));
            }
            let made = Arc::new(self.own_scratch()?);
            Ok(Arc::clone(scratch.get_or_init(|| made)))
        };
        let staged: Vec<Result<Ready>> = (publications.into_iter())
            .map(|it| self.stage(it, &scratch))
            .collect();
        let has_trees = staged.iter().flatten().any(|it| !it.trees.is_empty());
        // What becomes visible must be durable. Frames tell by themselves whether they are.
        let is_synced = if has_trees { self.sync() } else { Ok(()) };
        // Nothing is taken away between here and the moment at which a record speaks of it. `calm` looks whether the store is
        // there still.
        let is_ready = is_synced.and_then(|()| self.calm());
        let calm = match is_ready {
            Ok(calm) => calm,
            Err(error) => {
                let fail = |ready: Result<Ready>| ready.and_then(|_| Err(again(&error)));
                return staged.into_iter().map(fail).collect();
            }
        };
        let mut notes = Vec::new();
        let mut results: Vec<Result<Record>> = Vec::with_capacity(staged.len());
        for ready in staged {
            results.push(ready.and_then(|it| self.place_all(it)).map(|mut placed| {
                notes.append(&mut placed.notes);
                placed.record
            }));
        }
        if let Err(error) = self.append(notes) {
            let fail = |result: Result<Record>| result.and_then(|_| Err(again(&error)));
            return results.into_iter().map(fail).collect();
        }
        drop(calm);
        for record in results.iter().flatten() {
            self.forget_damage(&record.key.0);
            for (_, digest) in named_objects(record) {
                self.forget_damage(&digest);
            }
        }
        if has_trees {
            self.is_unsynced.store(true, Ordering::Relaxed);
        }
        // Who waits for long should not lose what is done: a loss of power takes what was written last.
        self.keep_up();
        results
    }

    /// Makes what was noted a while ago survive a loss of power. Where that fails, `flush` says so.
    pub fn keep_up(&self) {
        let _ = self.make_durable(LONGEST_UNSYNCED);
    }

    /// Makes sure that all published so far survives a loss of power, and saves what was learned of source files.
    /// Called at the end of a run; without it the last results may have to be made again.
    pub fn flush(&self) -> Result<()> {
        self.must_be_there()?;
        self.save_sources()?;
        self.write_notes();
        if self.is_unsynced.swap(false, Ordering::Relaxed) {
            self.sync()?;
        } else {
            self.make_durable(Duration::ZERO)?;
        }
        self.trouble()?;
        // It can be done the next time.
        let _ = self.tidy_journals();
        Ok(())
    }

    /// All that was written to the file system so far. The descriptor was opened before, else errors would be missed.
    pub(super) fn sync(&self) -> Result<()> {
        disk::sync_all(&self.folder, self.root()).at("write", self.root())
    }

    /// `scratch` is shared by a batch.
    pub(super) fn stage(
        &self,
        publication: Publication,
        scratch: &dyn Fn() -> Result<Arc<Scratch>>,
    ) -> Result<Ready> {
        self.must_write()?;
        let Publication {
            parts,
            name,
            outputs,
            outs,
            observed,
        } = publication;
        let is_command = parts.kind == "command";
        let mut ready = Ready {
            record: Record {
                key: key::of(&parts),
                parts,
                outputs: IndexMap::new(),
                outs: IndexMap::new(),
                observed,
            },
            name,
            trees: Vec::new(),
            packs: Vec::new(),
        };
        for (name, r#type, path) in outputs {
            let staged = self.stage_output(scratch, &name, r#type, &path)?;
            let output = Output {
                r#type,
                digest: staged.digest,
                bytes: staged.bytes,
                is_file: is_command.then_some(staged.is_file),
            };
            ready.record.outputs.insert(name, output);
            ready.keep(staged);
        }
        for (name, path) in outs {
            let (staged, is_directory) = self.stage_out(scratch, &name, &path)?;
            let out = Out {
                digest: staged.digest,
                bytes: staged.bytes,
                is_directory,
            };
            ready.record.outs.insert(name, out);
            ready.keep(staged);
        }
        Ok(ready)
    }

    /// Puts folders in their places. All bytes of them are durable by now.
    fn place_all(&self, mut ready: Ready) -> Result<Placed> {
        self.note_differences(&mut ready)?;
        let Ready {
            record,
            name,
            trees,
            packs,
        } = ready;
        let mut notes = Vec::new();
        for (digest, tree) in &trees {
            notes.extend(self.place(digest, tree)?);
        }
        for (_, digest) in named_objects(&record) {
            // Those that were there before, too: a record must not speak of what is gone.
            let is_new =
                trees.iter().any(|(it, _)| *it == digest) || packs.iter().any(|it| it.id == digest);
            if !is_new && let Some(what) = self.check_object(&digest, false)? {
                return Err(StoreError::Damaged {
                    path: self.layout.object(&digest),
                    what,
                });
            }
        }
        for pack in packs {
            if !self.has_whole(Kind::Pack, &pack.id)? {
                notes.push(pack);
            }
        }
        notes.push(note_of(&record)?);
        notes.push(last_note(&self.with_owner(&name)?, &record.key));
        Ok(Placed { record, notes })
    }

    /// Moves a tree to its place, unless it is there already: another run won, or the same bytes were made before.
    /// What is to be written down of it.
    fn place(&self, digest: &Digest, tree: &Tree) -> Result<Vec<Note>> {
        let to = self.layout.object(digest);
        for _ in 0..3 {
            // Renamed while it is writable: an ordinary user cannot move a read-only folder.
            match super::with_parent(&to, || disk::rename(&tree.folder, &to)) {
                Ok(()) => {
                    // It was read before it came here, where nobody has read it yet.
                    let began = wall_time();
                    seal(&to, &tree.nodes)?;
                    let nodes = self.as_hashed(&to, &tree.nodes)?;
                    let stamp = self.stamp_note(digest, &nodes, began)?;
                    return Ok(vec![tree_note(&tree.manifest)?, stamp]);
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
                        removal::remove_tree(&tree.folder)?;
                        return Ok(Vec::new());
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

impl Ready {
    /// The manifest of something that was made and is not in the store yet.
    pub fn manifest(&self, digest: &Digest) -> Option<Manifest> {
        let tree = self.trees.iter().find(|(it, _)| it == digest);
        let pack = self.packs.iter().find(|it| it.id == *digest);
        let manifest = tree.map(|(_, tree)| tree.manifest.clone());
        manifest.or_else(|| pack.and_then(pack::manifest_of))
    }

    fn keep(&mut self, staged: Staged) {
        match staged.form {
            Form::Known => {}
            Form::Tree(tree) => {
                if !self.trees.iter().any(|(it, _)| *it == staged.digest) {
                    self.trees.push((staged.digest, tree));
                }
            }
            Form::Pack(note) => {
                if !self.packs.iter().any(|it| it.id == note.id) {
                    self.packs.push(note);
                }
            }
        }
    }
}
