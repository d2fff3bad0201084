//! `MANIFEST.sha256`: the digests of a package's files, as `sha256sum -c` reads them. Knows files, not what is in them.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::Path,
};

use base16ct::HexDisplay;
use pipe_schema::package::CHECKSUM_FILE;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Writes the manifest of all files that lie in the folder.
pub fn write(folder: &Path) -> Result<()> {
    let mut text = String::new();
    for name in names(folder)? {
        text.push_str(&digest(&folder.join(&name))?);
        text.push_str("  ");
        text.push_str(&name);
        text.push('\n');
    }
    let path = folder.join(CHECKSUM_FILE);
    fs::write(&path, text).map_err(|error| Error::io(&path, &error))
}

/// Checks that the folder holds the files of its manifest, unchanged, and no others.
pub fn verify(folder: &Path) -> Result<()> {
    let path = folder.join(CHECKSUM_FILE);
    let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, &error))?;
    let mut wanted = BTreeMap::new();
    for line in text.lines() {
        let (digest, name) = line
            .split_once("  ")
            .ok_or_else(|| Error::unreadable(&path, format!("unexpected line `{line}`")))?;
        wanted.insert(name, digest);
    }
    for name in names(folder)? {
        let file = folder.join(&name);
        match wanted.remove(name.as_str()) {
            None => return Err(damaged(&file, "is not in the package's manifest")),
            Some(wanted) if wanted == digest(&file)? => {}
            Some(_) => return Err(damaged(&file, "is not as it was packed")),
        }
    }
    match wanted.first_key_value() {
        Some((name, _)) => Err(damaged(&folder.join(name), "is missing")),
        None => Ok(()),
    }
}

fn damaged(file: &Path, what: &str) -> Error {
    Error::wrong(format!("{} {what}", file.display()))
        .hint("export the package again, or run the package stage again")
}

/// Names of the files but for the manifest, sorted. A package has no folders in it.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::io(folder, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name
            .into_string()
            .map_err(|it| Error::unreadable(folder, format!("odd file name {}", it.display())))?;
        if name != CHECKSUM_FILE {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn digest(file: &Path) -> Result<String> {
    let failed = |error| Error::io(file, &error);
    let mut reader = File::open(file).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).map_err(failed)? {
            0 => return Ok(format!("{:x}", HexDisplay(&hash.finalize()))),
            read => hash.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "beta").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        write(folder.path()).unwrap();
        folder
    }

    #[test]
    fn sha256sum_agrees() {
        let folder = folder();
        let status = Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", CHECKSUM_FILE])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(status.success());
        verify(folder.path()).unwrap();
    }

    #[test]
    fn a_changed_a_missing_and_an_additional_file_are_named() {
        let folder = folder();
        let file = folder.path().join("b");
        let complaint = || verify(folder.path()).unwrap_err().to_string();
        fs::write(&file, "beta ").unwrap();
        assert!(complaint().contains("b is not as it was packed"));
        fs::remove_file(&file).unwrap();
        assert!(complaint().contains("b is missing"));
        fs::write(&file, "beta").unwrap();
        verify(folder.path()).unwrap();
        fs::write(folder.path().join("c"), "").unwrap();
        assert!(complaint().contains("c is not in the package's manifest"));
    }
}
