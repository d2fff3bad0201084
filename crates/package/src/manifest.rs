//! `MANIFEST.sha256`: the digests of a package's files, as `sha256sum -c` reads them.

use std::{collections::BTreeMap, fs, path::Path};

use base16ct::HexDisplay;
use pipe_schema::package::CHECKSUM_FILE;

use crate::{
    error::{PackageError, Result},
    folder::{FileDigest, MOST_FILES, PackageFolder},
};

/// The most bytes of a manifest: a line for each file.
pub const MOST_MANIFEST_BYTES: u64 = 1 << 20;
const SEPARATOR: &str = "  ";

/// Writes the manifest of all files that lie in the folder.
pub fn write_manifest(folder: &Path) -> Result<()> {
    let opened = PackageFolder::open(folder)?;
    let mut text = String::new();
    for name in opened.names()? {
        if name == CHECKSUM_FILE {
            continue;
        }
        check_name(&name)
            .map_err(|why| PackageError::unreadable(folder, format!("{why}: {name:?}")))?;
        let digest = opened.open_file(&name)?.digest()?;
        text.push_str(&format!("{:x}{SEPARATOR}{name}\n", HexDisplay(&digest)));
    }
    let path = folder.join(CHECKSUM_FILE);
    fs::write(&path, text).map_err(|error| PackageError::io(&path, &error))
}

/// The digests by name, from the bytes of a manifest.
pub fn parse_manifest(bytes: &[u8]) -> Result<BTreeMap<String, FileDigest>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let mut digests = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (digest, name) = parse_line(line).ok_or_else(|| {
            let start: String = line.chars().take(100).collect();
            format!("line {number}: {start:?} is not a digest, two blanks and a file name")
        })?;
        check_name(name).map_err(|why| format!("line {number}: {why}: {name:?}"))?;
        if name == CHECKSUM_FILE {
            return Err(format!("line {number}: a manifest cannot list itself"));
        }
        if digests.insert(name.to_owned(), digest).is_some() {
            return Err(format!("line {number}: {name:?} stands there twice"));
        }
        if digests.len() > MOST_FILES {
            return Err(format!("more than {MOST_FILES} files"));
        }
    }
    Ok(digests)
}

fn parse_line(line: &str) -> Option<(FileDigest, &str)> {
    let (digest, name) = line.split_once(SEPARATOR)?;
    let mut bytes = FileDigest::default();
    let decoded = base16ct::lower::decode(digest, &mut bytes).ok()?;
    (decoded.len() == bytes.len()).then_some((bytes, name))
}

/// Refuses what is not the name of a file directly in the folder.
fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("a file without a name"),
        "." | ".." => Err("not the name of a file"),
        _ if name.contains('/') => Err("a path, not the name of a file in the package"),
        _ if name.contains(['\\', '\0']) || name.contains(char::is_control) => {
            Err("a name that cannot be listed")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn complaint(text: &str) -> String {
        parse_manifest(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn parse_manifest_takes_what_sha256sum_takes() {
        let text = format!("{DIGEST}  a\n{DIGEST}  a file with blanks, ü\n");
        let found = parse_manifest(text.as_bytes()).unwrap();
        let names: Vec<&String> = found.keys().collect();
        assert_eq!(names, ["a", "a file with blanks, ü"]);
        assert_eq!(found["a"][..2], [0xe3, 0xb0]);
    }

    #[test]
    fn parse_manifest_refuses_paths_and_names_that_are_none() {
        for name in ["/etc/passwd", "../b", "a/b", "..", ".", "", "a\tb", "a\\b"] {
            let error = complaint(&format!("{DIGEST}  {name}\n"));
            assert!(error.starts_with("line 1: "), "{name:?}: {error}");
        }
        let own = complaint(&format!("{DIGEST}  {CHECKSUM_FILE}\n"));
        assert!(own.contains("list itself"), "{own}");
        let twice = complaint(&format!("{DIGEST}  a\n{DIGEST}  a\n"));
        assert!(
            twice.contains("line 2") && twice.contains("twice"),
            "{twice}"
        );
    }

    #[test]
    fn parse_manifest_refuses_lines_that_are_no_digest_and_name() {
        for line in [
            "nonsense".to_owned(),
            format!("{DIGEST} a"),
            format!("{}  a", &DIGEST[1..]),
            format!("{DIGEST}00  a"),
            format!("{}  a", DIGEST.to_uppercase()),
            format!("\n{DIGEST}  a"),
            format!("# {DIGEST}  a"),
        ] {
            let error = complaint(&line);
            assert!(error.contains("line 1: "), "{line:?}: {error}");
        }
        assert!(parse_manifest(b"\xff").is_err());
    }
}
