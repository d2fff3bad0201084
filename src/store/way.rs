//! How what lies where an out belongs gives way: it goes if it can be had again, and is set aside otherwise. What was decided is
//! looked at again as it goes, because between the two whole outs are copied: what somebody wrote meanwhile is set aside.

use std::{fs, io::ErrorKind, path::Path};

use pipe_schema::{
    manifest::{Digest, Manifest},
    record::Out,
};

use super::{
    Store,
    aside::SetAside,
    difference::OutDifference,
    disk,
    error::{At, Result, StoreError},
    mark::{self, Mark, picture},
    outs::OutPlace,
    removal,
};

/// How something gives way.
pub(super) enum Way {
    /// There is nothing.
    Free,
    /// It can be had again, as long as it has this outline.
    Remove(Digest),
    /// It is not in the store, which would know it by this digest as long as it has this outline.
    SetAside {
        digest: Option<Digest>,
        outline: Option<Digest>,
        /// How it differs from what the store holds.
        difference: String,
    },
}

impl Store {
    /// How what is at a place gives way: it is not there, or it can be had again, or it is kept. `stored` is what the store
    /// last had of this out.
    pub(super) fn way_out(&self, place: &OutPlace, stored: Option<&Out>) -> Result<Way> {
        let mark = self.mark_of(&place.real)?;
        // Before it is read: a change that the reading did not see shows in it.
        let outline = mark::outline(&place.real);
        if let Mark::Left(left) = &mark
            && picture(&place.real).as_ref() == Some(left)
            && let Some(outline) = outline
        {
            return Ok(Way::Remove(outline));
        }
        let found = match self.out_manifest(&place.real) {
            Ok(found) => Some(found),
            Err(error) if error.is_missing() => return Ok(Way::Free),
            Err(error) if error.is_of_what_none_holds() => None,
            Err(error) => return Err(error),
        };
        let digest = found.as_ref().map(|found| found.digest);
        let difference = self.difference(&place.real, found.as_ref(), stored);
        if let (Some(digest), Some(outline)) = (&digest, outline) {
            // Each byte is read: what lies here may be the only good copy.
            if self.check_kept_whole(digest)?.is_none() {
                return Ok(Way::Remove(outline));
            }
            if let (Some(difference), Some(stored)) = (&difference, stored)
                && difference.loses_nothing()
                && self.check_kept_whole(&stored.digest)?.is_none()
            {
                return Ok(Way::Remove(outline));
            }
        }
        match mark {
            // Where locks mean nothing, its job may well be alive.
            Mark::Begun(_) if self.distrust().is_some() => {
                Err(StoreError::InUse(place.path.clone()))
            }
            _ => Ok(Way::SetAside {
                digest,
                outline,
                difference: difference.map_or_else(String::new, |it| it.text()),
            }),
        }
    }

    /// How what lies at a path differs from what the store holds; None if the two cannot be compared.
    fn difference(
        &self,
        path: &Path,
        found: Option<&Manifest>,
        stored: Option<&Out>,
    ) -> Option<OutDifference> {
        let stored = stored?;
        if fs::symlink_metadata(path).ok()?.is_dir() != stored.is_directory {
            return None;
        }
        let manifest = self.manifest(&stored.digest).ok()?;
        Some(OutDifference::between(found?, &manifest))
    }

    /// What an out lacks of what the store holds, in words, if all that lies there is a part of that. Empty otherwise.
    pub(super) fn lacks(&self, place: &OutPlace, stored: &Out) -> String {
        let found = self.out_manifest(&place.real).ok();
        match self.difference(&place.real, found.as_ref(), Some(stored)) {
            Some(difference) if difference.loses_nothing() => difference.text(),
            _ => String::new(),
        }
    }

    /// What a job set aside that was killed before it could say so.
    pub(super) fn set_aside_before(&self, place: &OutPlace) -> Result<Option<SetAside>> {
        let Mark::Begun(Some(kept)) = self.mark_of(&place.real)? else {
            return Ok(None);
        };
        let is_kept = fs::symlink_metadata(&kept).is_ok();
        Ok(is_kept.then(|| SetAside {
            path: place.path.clone(),
            kept,
            digest: None,
            difference: String::new(),
        }))
    }

    /// Leaves nothing at a place, which is marked.
    pub(super) fn clear(&self, place: &OutPlace, way: &Way) -> Result<Option<SetAside>> {
        match way {
            Way::Free => Ok(None),
            Way::Remove(outline) => self.remove_unchanged(place, outline),
            Way::SetAside {
                digest,
                outline,
                difference,
            } => {
                let is_same = outline.is_some() && mark::outline(&place.real) == *outline;
                let kept = self.keep(place, &place.real, digest.filter(|_| is_same))?;
                Ok(kept.map(|aside| SetAside {
                    difference: difference.clone(),
                    ..aside
                }))
            }
        }
    }

    /// Takes an out from its place, where nobody finds it any more, and removes it if it still has this outline.
    fn remove_unchanged(&self, place: &OutPlace, outline: &Digest) -> Result<Option<SetAside>> {
        let Ok(found) = fs::symlink_metadata(&place.real) else {
            return Ok(None);
        };
        if found.is_dir() {
            // An ordinary user cannot move a folder that is read-only.
            removal::make_writable(&place.real)?;
        }
        let folder = self.folder_near(&place.real, ".pipe-clear-")?;
        let moved = folder.0.path().join("out");
        match disk::rename_new(&place.real, &moved) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            renamed => renamed.at("remove", &place.real)?,
        }
        if mark::outline(&moved).as_ref() == Some(outline) {
            return removal::remove_tree(&moved).map(|()| None);
        }
        let kept = self.keep(place, &moved, None);
        if kept.is_err() {
            // The folder that it lies in goes, unless this fails, too.
            if disk::rename_new(&moved, &place.real).is_err() {
                std::mem::forget(folder);
            }
        }
        kept
    }

    /// Moves what was at a place to `quarantine/`; it is at `path` now.
    fn keep(
        &self,
        place: &OutPlace,
        path: &Path,
        digest: Option<Digest>,
    ) -> Result<Option<SetAside>> {
        let kept = self.set_out_aside(path, &Self::name_aside(&place.real))?;
        Ok(kept.map(|kept| SetAside {
            path: place.path.clone(),
            kept,
            digest,
            difference: String::new(),
        }))
    }
}
