//! Outs that a run uses, kept from runs with other stores: they see neither its locks nor its leases. Each out has a range of
//! bytes of the folder `/` to be locked, in which each store has a byte. The kernel keeps such locks; nothing is written, and
//! all that a machine runs finds them, whichever way it names the out. Runs with one store never wait for each other here.

use std::{fs::File, path::Path};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
};
use pipe_schema::manifest::Digest;

use super::{
    super::{
        Store,
        error::{Result, StoreError},
        fault,
        layout::path_id,
        outs::real_place,
        stat::Stat,
    },
    range::{Ask, ask},
};

/// The folder that bears the locks: the one that is there for everybody, whatever else comes and goes.
const ANCHOR: &str = "/";
/// How many bits of an offset are a store's. Those of an out are above; some file systems take no byte beyond 2^62.
const STORE_BITS: u32 = 31;

/// Keeps outs from runs with other stores; given up when dropped.
#[derive(Debug)]
pub struct OutsReservation {
    _folder: Option<File>,
}

impl Store {
    /// Reserves outs, named relative to `folder`, for runs with this store. `OutBusy`, with nothing reserved, where a run with
    /// another store uses one of them. Nothing is reserved where the system has no such locks.
    pub fn reserve_outs<'a>(
        &self,
        folder: &Path,
        outs: impl Iterator<Item = &'a String>,
    ) -> Result<OutsReservation> {
        let anchor = Path::new(ANCHOR);
        let mut outs = outs.peekable();
        let opened = match (outs.peek(), fault::lock()) {
            (Some(_), None) => File::open(anchor).ok(),
            _ => None,
        };
        let Some(file) = opened else {
            return Ok(OutsReservation { _folder: None });
        };
        let own = self.own_bits();
        for out in outs {
            let first = first_byte(&real_place(folder, out));
            // The own byte first: of two runs that come at once, at least one sees the other.
            let is_locked = ask(&file, Ask::Share { wait: false }, first + own, anchor);
            // A system that locks no folders: runs with one store are kept apart all the same.
            let Ok(true) = is_locked else { continue };
            let after = first + own + 1;
            let end = first + (1 << STORE_BITS);
            if is_shared_by_others(&file, first, first + own)
                || is_shared_by_others(&file, after, end)
            {
                return Err(StoreError::OutBusy(out.clone()));
            }
        }
        Ok(OutsReservation {
            _folder: Some(file),
        })
    }

    /// What tells this store from others, by whatever name it is opened.
    fn own_bits(&self) -> i64 {
        let inode = Stat::of_file(&self.folder).map_or(0, |stat| stat.ino);
        let name = format!("{} {inode}", self.device);
        bits_of(&path_id(Path::new(&name)))
    }
}

/// The first of the bytes of an out.
fn first_byte(real: &Path) -> i64 {
    bits_of(&path_id(real)) << STORE_BITS
}

fn bits_of(id: &Digest) -> i64 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&id.0[..4]);
    i64::from(u32::from_be_bytes(bytes) >> 1)
}

/// Whether another open file has a lock from one byte up to another.
fn is_shared_by_others(file: &File, from: i64, to: i64) -> bool {
    // To the kernel, no length is no end.
    if from == to {
        return false;
    }
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: from,
        l_len: to - from,
        l_pid: 0,
    };
    let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock));
    asked.is_ok() && lock.l_type != libc::F_UNLCK as libc::c_short
}
