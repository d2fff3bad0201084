//! Opening regular files alone. What has the place of one, a named pipe, a socket, a device or a folder, is an error at once:
//! opening it could wait for ever, and reading it might never end.

use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

/// Opens a regular file for reading, at the end of all links.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::empty())
}

/// The same, where the path must not be a link itself.
pub fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::NOFOLLOW)
}

/// The bytes of a regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a regular file.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    let mut file = open(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// What is in the place of a regular file, if it is not one.
pub fn misfit(kind: FileType) -> Option<&'static str> {
    match kind {
        it if it.is_file() => None,
        it if it.is_dir() => Some("a folder"),
        it if it.is_symlink() => Some("a link"),
        it if it.is_fifo() => Some("a named pipe"),
        it if it.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

fn open_with(path: &Path, more: OFlags) -> io::Result<File> {
    // NONBLOCK: nobody waits for the writer of a named pipe.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let opened = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path);
    match opened {
        Ok(file) => match misfit(file.metadata()?.file_type()) {
            None => Ok(file),
            Some(what) => Err(refusal(what)),
        },
        // A socket cannot be opened, a link is refused in the words of a loop of links.
        Err(error) => {
            let found = if more.contains(OFlags::NOFOLLOW) {
                fs::symlink_metadata(path)
            } else {
                fs::metadata(path)
            };
            let what = found.ok().and_then(|it| misfit(it.file_type()));
            Err(what.map_or(error, refusal))
        }
    }
}

fn refusal(what: &str) -> io::Error {
    let kind = match what {
        "a folder" => io::ErrorKind::IsADirectory,
        _ => io::ErrorKind::InvalidInput,
    };
    io::Error::new(kind, format!("it is {what}, not an ordinary file"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    #[test]
    fn regular_open_refuses_all_else_at_once_and_says_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), 0o600.into()).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink(path("fifo"), path("link")).unwrap();
        symlink("/dev/zero", path("zero")).unwrap();
        symlink("loop", path("loop")).unwrap();
        for (name, what) in [
            ("fifo", "a named pipe"),
            ("socket", "a socket"),
            ("link", "a named pipe"),
            ("zero", "a device"),
            ("", "a folder"),
        ] {
            let error = read(&path(name)).unwrap_err().to_string();
            assert!(error.contains(what), "{name}: {error}");
        }
        assert!(open(&path("loop")).is_err());
        assert_eq!(
            open(&path("none")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn regular_open_follows_links_to_files_only_where_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "x").unwrap();
        symlink("file", path("link")).unwrap();
        assert_eq!(read_to_string(&path("link")).unwrap(), "x");
        let error = open_no_link(&path("link")).unwrap_err().to_string();
        assert!(error.contains("a link"), "{error}");
        assert!(open_no_link(&path("file")).is_ok());
    }
}
