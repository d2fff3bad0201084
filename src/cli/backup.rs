//! What `--force` replaces stays beside it, under a name with a number: `pipe.yaml.1`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pipe_data::regular;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::UserError;

/// Moves what is at a path to a free name beside it, and makes the new one. If that fails, the old one is moved back.
/// Returns where the old one is; None if nothing was there. Pipes and devices belong to others, and are not moved.
pub fn replace<T>(
    path: &Path,
    make: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<Option<PathBuf>> {
    let found = fs::metadata(path).ok().filter(|it| !it.is_dir());
    if let Some(what) = found.and_then(|it| regular::misfit(it.file_type())) {
        return Err(UserError::usage(format!("{} is {what}", path.display()))
            .hint("name another place: only files and folders are replaced")
            .into());
    }
    let kept = match fs::symlink_metadata(path) {
        Ok(_) => Some(move_away(path).with_context(|| format!("cannot move {}", path.display()))?),
        Err(_) => None,
    };
    match (make(), kept) {
        (Ok(_), kept) => Ok(kept),
        (Err(error), kept) => {
            if let Some(kept) = kept {
                // What was begun is less than what was there.
                let _ = fs::rename(kept, path);
            }
            Err(error)
        }
    }
}

fn move_away(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default();
    let mut number = 1_u32;
    loop {
        let mut free = name.to_owned();
        free.push(format!(".{number}"));
        let to = path.with_file_name(free);
        let is_free = fs::symlink_metadata(&to).is_err();
        if is_free {
            match renameat_with(CWD, path, CWD, &to, RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(to),
                Err(rustix::io::Errno::EXIST) => {}
                // A file system that cannot look and rename in one step.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                    fs::rename(path, &to)?;
                    return Ok(to);
                }
                Err(error) => return Err(error.into()),
            }
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_kept_and_comes_back_if_the_new_one_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let write = |text: &'static str| {
            let path = path.clone();
            move || Ok(fs::write(path, text)?)
        };
        assert_eq!(replace(&path, write("1")).unwrap(), None);
        let kept = replace(&path, write("2")).unwrap().unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "1");
        let kept = replace(&path, write("3")).unwrap().unwrap();
        assert!(kept.ends_with("a.2"));
        let failed = replace(&path, || anyhow::bail!("full") as anyhow::Result<()>);
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "3");
    }

    #[test]
    fn what_is_no_file_and_no_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        rustix::fs::mkfifoat(CWD, &pipe, 0o600.into()).unwrap();
        std::os::unix::fs::symlink("pipe", &link).unwrap();
        for path in [&pipe, &link] {
            let refused = replace(path, || -> anyhow::Result<()> { panic!("nothing is made") });
            assert!(refused.unwrap_err().to_string().contains("a named pipe"));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
