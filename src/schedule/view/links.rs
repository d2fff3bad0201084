//! Where paths lead, once links that a run would restore lie there.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::{Found, Layer, MOST_LINKS, View};
use crate::store::{self, RestoredLink};

impl View<'_> {
    /// Where a path leads.
    pub fn target_of(&self, path: &Path) -> PathBuf {
        self.resolve(path, MOST_LINKS)
    }

    /// Where a path itself lies: links above it are followed.
    pub(super) fn place_of(&self, path: &Path) -> PathBuf {
        match path.parent().zip(path.file_name()) {
            Some((parent, name)) => self.resolve(parent, MOST_LINKS).join(name),
            None => self.resolve(path, MOST_LINKS),
        }
    }

    /// Forgets where paths lead if a link at or below a place was followed: it may give way, or lead elsewhere.
    pub(super) fn forget_links_at(&self, place: &Path) {
        let mut followed = self.followed.borrow_mut();
        let mut from = followed.range(place.to_owned()..);
        if from.next().is_some_and(|it| it.starts_with(place)) {
            followed.clear();
            self.resolved.borrow_mut().clear();
        }
    }

    /// Where a path leads. Links that would be restored are followed, those that give way to something else are not.
    pub(super) fn resolve(&self, path: &Path, links: usize) -> PathBuf {
        if let Some(resolved) = self.resolved.borrow().get(path) {
            return resolved.clone();
        }
        let folder = path.parent().map(|it| self.resolve(it, links));
        let resolved = match (folder, path.components().next_back()) {
            (Some(folder), Some(Component::Normal(name))) => {
                let place = folder.join(name);
                match self.link_at(&place).filter(|_| links > 0) {
                    Some(target) => self.resolve(&folder.join(target), links - 1),
                    None => place,
                }
            }
            (Some(folder), Some(Component::ParentDir)) => {
                folder.parent().unwrap_or(&folder).to_owned()
            }
            _ => path.to_owned(),
        };
        let mut all = self.resolved.borrow_mut();
        all.insert(path.to_owned(), resolved.clone());
        resolved
    }

    /// Links of a folder of the workspace that lead out of it to what would be restored. Notes what is unknown.
    pub(super) fn restored_links(&self, folder: &Path) -> Vec<RestoredLink> {
        if !self.has_layers() || !folder.is_dir() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for path in store::links_that_leave(folder) {
            if let Found::Restored(out, inner) = self.find_behind(&folder.join(&path)) {
                found.push(RestoredLink { path, out, inner });
            }
        }
        found
    }

    /// Where the link at a resolved path leads.
    fn link_at(&self, place: &Path) -> Option<PathBuf> {
        match self.layer_at(place) {
            Some((at, Layer::Restored(out))) if at == place => out.target().map(PathBuf::from),
            Some((_, Layer::Restored(_) | Layer::Rewritten(_))) => None,
            _ => {
                let target = fs::read_link(place).ok()?;
                self.followed.borrow_mut().insert(place.to_owned());
                Some(target)
            }
        }
    }
}
