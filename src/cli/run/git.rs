//! The commit that a project is at, read from git's own files: starting git would cost more than a run with nothing to do.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The commit of the work tree that `folder` lies in; nothing outside of one, or before the first commit.
pub fn commit(folder: &Path) -> Option<String> {
    let (git, common) = folder
        .ancestors()
        .find_map(|it| folders(&it.join(".git")))?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return hash(&head);
    };
    let loose = [&git, &common]
        .into_iter()
        .find_map(|it| fs::read_to_string(it.join(name)).ok());
    if let Some(text) = loose {
        return hash(&text);
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| {
        let (commit, found) = line.split_once(' ')?;
        (found == name).then(|| hash(commit))?
    })
}

/// The folder of this work tree's HEAD and that of the refs; `.git` is a file in linked work trees.
fn folders(path: &Path) -> Option<(PathBuf, PathBuf)> {
    if path.is_dir() {
        return Some((path.to_owned(), path.to_owned()));
    }
    let text = fs::read_to_string(path).ok()?;
    let git = path.parent()?.join(text.strip_prefix("gitdir: ")?.trim());
    let common =
        fs::read_to_string(git.join("commondir")).map_or(git.clone(), |it| git.join(it.trim()));
    Some((git, common))
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    (text.len() >= 40 && text.bytes().all(|it| it.is_ascii_hexdigit())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_branch_is_followed_to_its_commit() {
        let commit_text = "0123456789012345678901234567890123456789";
        let loose = tree(&[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".git/refs/heads/main", commit_text),
        ]);
        assert_eq!(commit(loose.path()).as_deref(), Some(commit_text));
        let packed = format!("# pack-refs\n{commit_text} refs/heads/main\n");
        let packed = tree(&[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".git/packed-refs", &packed),
            ("a/b", ""),
        ]);
        assert_eq!(
            commit(&packed.path().join("a")).as_deref(),
            Some(commit_text)
        );
        let detached = tree(&[(".git/HEAD", commit_text)]);
        assert_eq!(commit(detached.path()).as_deref(), Some(commit_text));
    }

    #[test]
    fn without_a_commit_there_is_none() {
        let fresh = tree(&[(".git/HEAD", "ref: refs/heads/main\n")]);
        assert_eq!(commit(fresh.path()), None);
    }
}
