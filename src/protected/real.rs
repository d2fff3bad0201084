//! Real paths, also of what does not exist yet.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
};

/// Links that are followed in one path, as in Linux.
const MAX_LINKS: u32 = 40;

/// The path with all links followed. What does not exist is taken as it is named.
pub fn real_path(path: &Path) -> io::Result<PathBuf> {
    let words = |path: &Path| -> VecDeque<OsString> {
        let words = path.components().filter(|it| *it != Component::CurDir);
        words.map(|it| it.as_os_str().to_owned()).collect()
    };
    let mut left = words(path);
    let mut real = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            real.pop();
            continue;
        }
        // `/` begins anew.
        let place = real.join(&name);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_symlink() => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::from(rustix::io::Errno::LOOP));
                }
                let mut target = words(&fs::read_link(&place)?);
                target.append(&mut left);
                left = target;
            }
            Ok(_) => real = place,
            Err(error) if error.kind() == ErrorKind::NotFound => real = place,
            Err(error) => return Err(error),
        }
    }
    Ok(real)
}
