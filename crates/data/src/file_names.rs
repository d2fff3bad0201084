//! Names of files as short as they tell them apart: below the folder that all have in common. Opens no file.

use std::path::{Component, Path, PathBuf};

/// The folder that files have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonFolder(PathBuf);

impl CommonFolder {
    /// The innermost folder that all of these folders are, or lie in.
    pub fn of<'a>(folders: impl Iterator<Item = &'a Path>) -> Self {
        let mut common: Option<Vec<Component<'_>>> = None;
        for folder in folders {
            let parts = folder.components();
            match &mut common {
                None => common = Some(parts.collect()),
                Some(common) => {
                    let same = common
                        .iter()
                        .zip(parts)
                        .take_while(|(a, b)| **a == *b)
                        .count();
                    common.truncate(same);
                }
            }
        }
        Self(common.unwrap_or_default().into_iter().collect())
    }

    /// The name of a file in it.
    pub fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.0).unwrap_or(path);
        below.to_string_lossy().into_owned()
    }
}

/// The names of files, below the folder that they have in common.
pub fn short_names(paths: &[&str]) -> Vec<String> {
    let folders = paths.iter().filter_map(|path| Path::new(path).parent());
    let common = CommonFolder::of(folders);
    let names = paths.iter().map(|path| common.name(path.as_ref()));
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_begin_below_the_common_folder() {
        assert_eq!(
            short_names(&["/p/data/cats/1.png", "/p/data/cats 2/1.png"]),
            ["cats/1.png", "cats 2/1.png"]
        );
        assert_eq!(
            short_names(&["/p/a/1.png", "/p/a/2.png"]),
            ["1.png", "2.png"]
        );
        assert_eq!(
            short_names(&["/p/1.png", "/p/a/2.png"]),
            ["1.png", "a/2.png"]
        );
        assert_eq!(short_names(&[]), Vec::<String>::new());
    }
}
