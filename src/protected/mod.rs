//! Paths that no out of a stage may replace: the store, the registry's folder, version control, the spec and what it
//! includes, and all that lies outside the project. Decides on real paths and on identities of files (device and inode), so
//! that links, hard links, bind mounts and file systems that ignore case are seen through. Changes nothing.

mod real;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use self::real::real_path;

/// Folders in which version control systems keep a repository. `.git` is a file in a linked work tree.
const VERSION_CONTROL: [&str; 9] = [
    ".git", ".hg", ".svn", ".jj", ".bzr", ".pijul", ".sl", "_darcs", ".dvc",
];
/// Entries of existing outs that `OutCheck::quick` reads in all: a run reads the rest before it removes anything.
const MAX_ENTRIES: usize = 20_000;

/// What outs are checked against.
#[derive(Clone, Debug)]
pub struct ProtectedPaths {
    /// The spec's folder, absolute and without links: outs are relative to it.
    folder: PathBuf,
    /// The project's folder, absolute and without links.
    root: PathBuf,
    allow_outside: bool,
    /// Absolute paths that need not exist, each with the words for it.
    paths: Vec<(PathBuf, String)>,
}

/// Why a path cannot be an out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRefusal {
    /// Follows the path: `lies in the store`.
    pub reason: String,
    pub hint: &'static str,
}

impl OutRefusal {
    fn protected(reason: String) -> Self {
        Self {
            reason,
            hint: "an out is replaced whenever its stage runs: name a file or folder that the stage alone writes",
        }
    }
}

/// Where a path lies: its folder with all links followed, and its last name. As it is named, where that cannot be told.
pub fn real_place(path: &Path) -> PathBuf {
    match (path.parent(), path.components().next_back()) {
        (Some(folder), Some(Component::Normal(name))) => {
            real_path(folder).map_or_else(|_| path.to_owned(), |it| it.join(name))
        }
        _ => real_path(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// The device and inode of a file: equal for all of its names.
type FileId = (u64, u64);

fn id_of(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

impl ProtectedPaths {
    /// Protects what lies outside `root`, unless that is allowed. Both folders must be absolute and free of links.
    pub fn new(folder: &Path, root: &Path, allow_outside: bool) -> Self {
        Self {
            folder: folder.to_owned(),
            root: root.to_owned(),
            allow_outside,
            paths: Vec::new(),
        }
    }

    /// Protects a file or folder, which need not exist; `words` name it to users: `the store`.
    pub fn add(&mut self, path: PathBuf, words: impl Into<String>) {
        self.paths.push((path, words.into()));
    }

    /// The folder that outs are relative to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins to check outs against the files as they are now.
    pub fn look(&self) -> OutCheck<'_> {
        let mut check = OutCheck {
            protected: self,
            places: Vec::with_capacity(self.paths.len()),
            own: HashMap::new(),
            above: HashMap::new(),
            parents: RefCell::default(),
            entries_left: Cell::new(MAX_ENTRIES),
        };
        for (at, (path, _)) in self.paths.iter().enumerate() {
            // A path that cannot be followed is still protected by its name.
            let place = real_path(path).unwrap_or_else(|_| path.clone());
            let ids = ids_above(&place);
            for (depth, id) in ids.into_iter().enumerate() {
                let ids = if depth == 0 && place.exists() {
                    &mut check.own
                } else {
                    &mut check.above
                };
                ids.entry(id).or_insert(at);
            }
            check.places.push(place);
        }
        check
    }
}

/// Identities of a path, where it exists, and of all folders above it.
fn ids_above(path: &Path) -> Vec<FileId> {
    let found = path.ancestors().map(fs::symlink_metadata);
    found.flatten().map(|it| id_of(&it)).collect()
}

/// Checks outs against the files as they were when it was made.
pub struct OutCheck<'a> {
    protected: &'a ProtectedPaths,
    /// Real paths of what is protected.
    places: Vec<PathBuf>,
    /// Identities of what is protected, and of the folders above, with the place in the list.
    own: HashMap<FileId, usize>,
    above: HashMap<FileId, usize>,
    parents: RefCell<HashMap<PathBuf, Rc<Parent>>>,
    entries_left: Cell<usize>,
}

/// A folder in which outs lie.
struct Parent {
    real: PathBuf,
    /// The protected folder that it is or lies in.
    within: Option<usize>,
}

impl OutCheck<'_> {
    /// Returns where an out really lies, or why it cannot be one. Of large folders that exist, not all names are read.
    pub fn quick(&self, out: &str) -> Result<PathBuf, OutRefusal> {
        let place = self.place(out)?;
        let mut left = self.entries_left.get();
        let found = find_inside(&place, &mut |_| {
            left = left.saturating_sub(1);
            left > 0
        });
        self.entries_left.set(left);
        found.map(|()| place)
    }

    /// The same, and reads all names: for the moment before an out is removed.
    pub fn full(&self, out: &str) -> Result<PathBuf, OutRefusal> {
        let place = self.place(out)?;
        find_inside(&place, &mut |_| true)?;
        Ok(place)
    }

    fn place(&self, out: &str) -> Result<PathBuf, OutRefusal> {
        let path = self.protected.folder.join(out);
        let mut names = Path::new(out).components();
        if let Some(name) = names.find_map(version_control) {
            return Err(in_version_control(Path::new(out), &name));
        }
        let place = match (path.parent(), path.components().next_back()) {
            (Some(folder), Some(Component::Normal(name))) => self.parent(folder)?.real.join(name),
            _ => real_path(&path).map_err(|error| unreadable(&error))?,
        };
        self.check_place(&place)?;
        let within = path.parent().map(|it| self.parent(it)).transpose()?;
        if let Some(at) = within.and_then(|it| it.within) {
            return Err(self.refusal("lies in", at));
        }
        match fs::symlink_metadata(&place) {
            Ok(found) => {
                self.check_id(id_of(&found))?;
                if found.is_symlink() {
                    self.check_target(&place)?;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&error)),
        }
        Ok(place)
    }

    /// A link is replaced, not what it leads to; but what leads away from the project is not a stage's to make.
    fn check_target(&self, link: &Path) -> Result<(), OutRefusal> {
        // A link that leads in a circle leads nowhere.
        let Ok(target) = real_path(link) else {
            return Ok(());
        };
        if !self.protected.allow_outside && !target.starts_with(&self.protected.root) {
            return Err(OutRefusal {
                reason: "is a link that leads out of the project".to_owned(),
                hint: "remove the link, or allow it with `--allow-outside`",
            });
        }
        self.check_place(&target)?;
        if let Ok(found) = fs::symlink_metadata(&target) {
            self.check_id(id_of(&found))?;
        }
        match target.parent().map(|it| self.parent(it)).transpose()? {
            Some(parent) if parent.within.is_some() => {
                Err(self.refusal("lies in", parent.within.unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// By names alone.
    fn check_place(&self, place: &Path) -> Result<(), OutRefusal> {
        let ProtectedPaths {
            root,
            allow_outside,
            ..
        } = self.protected;
        let inside = place.strip_prefix(root);
        if inside.is_err() && !allow_outside {
            return Err(OutRefusal {
                reason: format!("really is {}, outside the project", place.display()),
                hint: "move it into the project, or allow it with `--allow-outside`",
            });
        }
        let names = inside.unwrap_or(place);
        if let Some(name) = names.components().find_map(version_control) {
            return Err(in_version_control(names, &name));
        }
        for (at, protected) in self.places.iter().enumerate() {
            if place == protected {
                return Err(self.refusal("is", at));
            }
            if protected.starts_with(place) {
                return Err(self.refusal("holds", at));
            }
            if place.starts_with(protected) {
                return Err(self.refusal("lies in", at));
            }
        }
        if root.starts_with(place) {
            return Err(OutRefusal::protected("holds the project".to_owned()));
        }
        Ok(())
    }

    fn check_id(&self, id: FileId) -> Result<(), OutRefusal> {
        match (self.own.get(&id), self.above.get(&id)) {
            (Some(at), _) => Err(self.refusal("is", *at)),
            (None, Some(at)) => Err(self.refusal("holds", *at)),
            (None, None) => Ok(()),
        }
    }

    fn parent(&self, folder: &Path) -> Result<Rc<Parent>, OutRefusal> {
        if let Some(known) = self.parents.borrow().get(folder) {
            return Ok(Rc::clone(known));
        }
        let real = real_path(folder).map_err(|error| unreadable(&error))?;
        let within = ids_above(&real)
            .into_iter()
            .find_map(|id| self.own.get(&id).copied());
        let parent = Rc::new(Parent { real, within });
        let mut parents = self.parents.borrow_mut();
        parents.insert(folder.to_owned(), Rc::clone(&parent));
        Ok(parent)
    }

    fn refusal(&self, verb: &str, at: usize) -> OutRefusal {
        let words = &self.protected.paths[at].1;
        OutRefusal::protected(format!("{verb} {words}"))
    }
}

fn in_version_control(path: &Path, name: &OsStr) -> OutRefusal {
    let verb = if path.file_name() == Some(name) {
        "is"
    } else {
        "lies in"
    };
    let name = name.display();
    OutRefusal::protected(format!("{verb} `{name}`, where version control is kept"))
}

/// Searches a folder for repositories and mount points, as long as `go_on` says so.
fn find_inside(
    folder: &Path,
    go_on: &mut dyn FnMut(&walkdir::DirEntry) -> bool,
) -> Result<(), OutRefusal> {
    let Ok(top) = fs::symlink_metadata(folder) else {
        return Ok(());
    };
    if !top.is_dir() {
        return Ok(());
    }
    let above = folder.parent().and_then(|it| fs::symlink_metadata(it).ok());
    if above.is_some_and(|it| it.dev() != top.dev()) {
        return Err(mount_point(folder, folder));
    }
    // What cannot be listed cannot be removed, either.
    for entry in walkdir::WalkDir::new(folder)
        .min_depth(1)
        .into_iter()
        .flatten()
    {
        if let Some(name) = version_control(Component::Normal(entry.file_name())) {
            let place = entry
                .path()
                .strip_prefix(folder)
                .unwrap_or(Path::new(&name));
            return Err(OutRefusal::protected(format!(
                "holds `{}`, where version control is kept",
                place.display()
            )));
        }
        if entry.file_type().is_dir() && entry.metadata().is_ok_and(|it| it.dev() != top.dev()) {
            return Err(mount_point(folder, entry.path()));
        }
        if !go_on(&entry) {
            break;
        }
    }
    Ok(())
}

fn mount_point(folder: &Path, place: &Path) -> OutRefusal {
    let reason = match place.strip_prefix(folder) {
        Ok(inside) if !inside.as_os_str().is_empty() => {
            format!(
                "holds `{}`, on which something is mounted",
                inside.display()
            )
        }
        _ => "is a place on which something is mounted".to_owned(),
    };
    OutRefusal {
        reason,
        hint: "unmount it, or name a folder in it",
    }
}

fn unreadable(error: &io::Error) -> OutRefusal {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    OutRefusal {
        reason: format!("cannot be followed: {}", text.to_lowercase()),
        hint: "check the folders and links above it",
    }
}

/// The name, if it is one of version control; case is ignored, as some file systems do.
fn version_control(name: Component<'_>) -> Option<OsString> {
    let Component::Normal(name) = name else {
        return None;
    };
    let is_known = VERSION_CONTROL
        .iter()
        .any(|it| name.eq_ignore_ascii_case(it));
    is_known.then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
