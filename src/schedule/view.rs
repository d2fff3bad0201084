//! The files of the project as a stage finds them. For a run that is what lies there; for a forecast, outs that the run would
//! restore first count as restored, and what depends on a stage that has yet to run is noted as unknown.

mod links;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use foldhash::HashMap;
use pipe_schema::{
    manifest::Digest,
    record::{Out, Record},
};

use crate::{
    exec::environment,
    plan::StageId,
    store::{ComparedOut, PathDigest, RestoredEntry, RestoredOut, Store, StoreError},
};

/// Links that are followed before a path is taken as it is.
const MOST_LINKS: usize = 40;

/// Why a forecast cannot tell what a stage would find.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// This stage makes it, and would run first.
    Stage(StageId),
    /// The version of this program: only a run starts it.
    Version(String),
}

/// The content of a path.
pub struct PathContent {
    pub digest: Digest,
    /// What was read of the workspace; none where a restored out counts.
    pub read: Option<PathDigest>,
}

/// Where what a path leads to is to be found.
pub enum Found {
    /// In an out that would be restored, at this path from there.
    Restored(RestoredOut, String),
    /// In the workspace. It is another path where a link would be restored.
    Workspace(PathBuf),
}

/// What stands for the workspace at an out.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A cached stage's out; not compared with the workspace yet.
    Cached {
        path: PathBuf,
        out: Out,
        stage: StageId,
    },
    /// The workspace holds it; of a file, its digest as an input.
    Held(Option<Digest>),
    Restored(RestoredOut),
    /// The stage would write it.
    Rewritten(StageId),
}

/// The files of the project as a stage finds them.
pub struct View<'a> {
    store: &'a Store,
    folder: &'a Path,
    is_forecast: bool,
    /// By resolved path. Outs never lie in one another.
    layers: RefCell<BTreeMap<String, Layer>>,
    /// Those that are not compared yet, and whether any stands for something else than the workspace holds.
    pending: RefCell<Vec<String>>,
    is_changed: Cell<bool>,
    /// The length of the shortest path among them.
    shortest: Cell<usize>,
    /// Whether a link is among what would be restored.
    restores_links: Cell<bool>,
    /// Where paths lead, and the links of the workspace that were followed for that.
    resolved: RefCell<HashMap<PathBuf, PathBuf>>,
    followed: RefCell<BTreeSet<PathBuf>>,
    unknown: RefCell<BTreeSet<Unknown>>,
}

impl<'a> View<'a> {
    /// The workspace as it is, for a run.
    pub fn of_run(store: &'a Store, folder: &'a Path) -> Self {
        Self {
            store,
            folder,
            is_forecast: false,
            layers: RefCell::default(),
            pending: RefCell::default(),
            is_changed: Cell::new(false),
            shortest: Cell::new(usize::MAX),
            restores_links: Cell::new(false),
            resolved: RefCell::default(),
            followed: RefCell::default(),
            unknown: RefCell::default(),
        }
    }

    /// The workspace as a run would find it. Starts no program.
    pub fn of_forecast(store: &'a Store, folder: &'a Path) -> Self {
        Self {
            is_forecast: true,
            ..Self::of_run(store, folder)
        }
    }

    /// The project's folder, which paths are relative to.
    pub fn folder(&self) -> &Path {
        self.folder
    }

    /// Whether programs must not be started.
    pub fn is_forecast(&self) -> bool {
        self.is_forecast
    }

    /// From here on the outs of a cached stage lie in the workspace.
    pub fn restore(&self, stage: &StageId, record: &Record) {
        for (name, out) in &record.outs {
            let path = self.path_of(name);
            let layer = Layer::Cached {
                path: path.clone(),
                out: *out,
                stage: stage.clone(),
            };
            self.set(&path, layer);
        }
    }

    /// From here on nobody knows the content of these outs: the stage would write them.
    pub fn rewrite(&self, stage: &StageId, outs: &[String]) {
        for name in outs {
            self.set(&self.folder.join(name), Layer::Rewritten(stage.clone()));
        }
    }

    /// What was asked for and is unknown, since the last call.
    pub fn take_unknown(&self) -> BTreeSet<Unknown> {
        self.unknown.take()
    }

    /// Notes that the version of a program would be needed.
    pub fn note_version(&self, program: &str) {
        self.note(Unknown::Version(program.to_owned()));
    }

    /// Notes that something unknown was asked for.
    pub fn note(&self, unknown: Unknown) {
        self.unknown.borrow_mut().insert(unknown);
    }

    /// The content of a file or folder, links followed.
    pub fn digest(&self, path: &Path) -> Result<PathContent, StoreError> {
        let restored = |digest| PathContent { digest, read: None };
        if let Some(digest) = self.held_file(path) {
            return Ok(restored(digest));
        }
        let place = match self.find_behind(path) {
            Found::Workspace(place) => place,
            Found::Restored(out, inner) => {
                let digest = out.digest(&inner)?;
                return digest
                    .map(restored)
                    .ok_or_else(|| StoreError::Missing(path.to_owned()));
            }
        };
        let outs = self.restored_below(path);
        let links = self.restored_links(&place);
        if !outs.is_empty() || !links.is_empty() {
            let digest = self.store.digest_with_restored(&place, &outs, &links);
            return digest.map(restored);
        }
        match self.store.digest_path(&place) {
            Ok(read) => Ok(PathContent {
                digest: read.digest,
                read: Some(read),
            }),
            Err(error) if error.is_missing() && place != path => {
                Err(StoreError::Missing(path.to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there is a file that may be executed.
    pub fn is_program(&self, path: &Path) -> bool {
        self.store.look(path);
        match self.find_behind(path) {
            Found::Workspace(place) => environment::is_program(&place),
            Found::Restored(out, inner) => is_executable(out.entry(&inner)) == Some(true),
        }
    }

    /// Whether there is a file, and whether that may be executed.
    pub fn executable_file(&self, path: &Path) -> Option<bool> {
        self.store.look(path);
        match self.find_behind(path) {
            Found::Workspace(place) => fs::metadata(place)
                .ok()
                .filter(fs::Metadata::is_file)
                .map(|it| it.permissions().mode() & 0o111 != 0),
            Found::Restored(out, inner) => is_executable(out.entry(&inner)),
        }
    }

    /// Whether there is anything at a path, were it a link that leads nowhere.
    pub fn exists(&self, path: &Path) -> bool {
        if !self.has_layers() {
            return path.symlink_metadata().is_ok();
        }
        let place = self.place_of(path);
        match self.layer_at(&place) {
            Some((at, Layer::Restored(out))) => {
                let inner = place.strip_prefix(&at).unwrap_or(Path::new(""));
                inner.to_str().is_some_and(|it| out.holds(it))
            }
            Some((_, Layer::Rewritten(stage))) => {
                self.note(Unknown::Stage(stage));
                path.symlink_metadata().is_ok()
            }
            _ => place.symlink_metadata().is_ok() || !self.restored_below(path).is_empty(),
        }
    }

    /// Whether a path leads to a folder.
    pub fn is_folder(&self, path: &Path) -> bool {
        match self.find_behind(path) {
            Found::Workspace(place) => place.is_dir() || !self.restored_below(path).is_empty(),
            Found::Restored(out, inner) => out.entry(&inner) == Some(RestoredEntry::Directory),
        }
    }

    /// Whether anything is to be found that is not what the workspace holds.
    pub fn has_changes(&self) -> bool {
        for at in self.pending.take() {
            let layer = self.layers.borrow().get(&at).cloned();
            layer.map(|it| self.compared(&at, it));
        }
        self.is_changed.get()
    }

    fn path_of(&self, out: &str) -> PathBuf {
        self.folder.join(out).components().collect()
    }

    fn has_layers(&self) -> bool {
        self.shortest.get() < usize::MAX
    }

    fn set(&self, path: &Path, layer: Layer) {
        let place_path = self.place_of(path);
        // What is not UTF-8 is refused by who reads it.
        let Some(place) = place_path.to_str() else {
            return;
        };
        self.forget_links_at(&place_path);
        self.shortest.set(self.shortest.get().min(place.len()));
        match layer {
            Layer::Cached { .. } => self.pending.borrow_mut().push(place.to_owned()),
            _ => self.is_changed.set(true),
        }
        self.layers.borrow_mut().insert(place.to_owned(), layer);
    }

    /// Where what a path leads to is to be found. Notes what is unknown.
    pub fn find_behind(&self, path: &Path) -> Found {
        if !self.has_layers() {
            return Found::Workspace(path.to_owned());
        }
        let mut place = self.resolve(path, MOST_LINKS);
        let mut layer = self.layer_at(&place);
        if matches!(&layer, Some((_, Layer::Restored(out))) if out.target().is_some()) {
            // That it is a link was not known before.
            place = self.resolve(path, MOST_LINKS);
            layer = self.layer_at(&place);
        }
        match layer {
            Some((at, Layer::Restored(out))) => {
                let inner = place.strip_prefix(&at).unwrap_or(Path::new(""));
                if let Some(inner) = inner.to_str() {
                    return Found::Restored(out, inner.to_owned());
                }
            }
            Some((_, Layer::Rewritten(stage))) => self.note(Unknown::Stage(stage)),
            _ => {}
        }
        // The index of sources knows files by the path that was asked for.
        Found::Workspace(if self.restores_links.get() {
            place
        } else {
            path.to_owned()
        })
    }

    /// The digest of a file that is an out and lies there, where that is known by its path alone.
    fn held_file(&self, path: &Path) -> Option<Digest> {
        let at = path.to_str()?;
        let layer = self.layers.borrow().get(at)?.clone();
        match self.compared(at, layer) {
            Layer::Held(digest) => digest,
            _ => None,
        }
    }

    /// The layer that a resolved path lies in, with its place.
    fn layer_at(&self, place: &Path) -> Option<(PathBuf, Layer)> {
        let text = place.to_str()?;
        let ends = text.match_indices('/').map(|it| it.0).chain([text.len()]);
        let mut long = ends.filter(|it| *it >= self.shortest.get());
        let (at, layer) = long.find_map(|end| {
            let layers = self.layers.borrow();
            Some((&text[..end], layers.get(&text[..end])?.clone()))
        })?;
        Some((at.into(), self.compared(at, layer)))
    }

    /// Restored outs below a folder, each with its path from there. Notes what is unknown.
    fn restored_below(&self, folder: &Path) -> Vec<(String, RestoredOut)> {
        let mut found = Vec::new();
        for (name, layer) in self.below(folder) {
            match layer {
                Layer::Restored(out) => found.push((name, out)),
                Layer::Rewritten(stage) => {
                    self.note(Unknown::Stage(stage));
                }
                Layer::Held(_) | Layer::Cached { .. } => {}
            }
        }
        found
    }

    /// The layers below a folder, each with its path from there.
    pub fn below(&self, folder: &Path) -> Vec<(String, Layer)> {
        if !self.has_layers() {
            return Vec::new();
        }
        let place = self.resolve(folder, MOST_LINKS);
        let Some(place) = place.to_str() else {
            return Vec::new();
        };
        let start = format!("{}/", place.trim_end_matches('/'));
        let below: Vec<(String, Layer)> = (self.layers.borrow().range(start.clone()..))
            .take_while(|it| it.0.starts_with(&start))
            .map(|(at, layer)| (at.clone(), layer.clone()))
            .collect();
        let compared = below.into_iter().map(|(at, layer)| {
            let layer = self.compared(&at, layer);
            (at[start.len()..].to_owned(), layer)
        });
        compared.collect()
    }

    /// A layer, compared with the workspace if it was not yet.
    fn compared(&self, at: &str, layer: Layer) -> Layer {
        let Layer::Cached { path, out, stage } = layer else {
            return layer;
        };
        let layer = match self.store.compare_out(&path, &out) {
            Ok(ComparedOut::Restored(restored)) => Layer::Restored(restored),
            Ok(ComparedOut::Held(digest)) => Layer::Held(digest),
            // The run would find that out, and make it again.
            Err(_) => Layer::Rewritten(stage),
        };
        if !matches!(layer, Layer::Held(_)) {
            self.is_changed.set(true);
        }
        if matches!(&layer, Layer::Restored(out) if out.target().is_some()) {
            self.restores_links.set(true);
            self.resolved.borrow_mut().clear();
        }
        self.layers
            .borrow_mut()
            .insert(at.to_owned(), layer.clone());
        layer
    }
}

fn is_executable(entry: Option<RestoredEntry>) -> Option<bool> {
    match entry? {
        RestoredEntry::File { is_executable, .. } => Some(is_executable),
        RestoredEntry::Directory => None,
    }
}
