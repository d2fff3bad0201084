//! The gate between those who find or make results and have not said so yet, any number at once, and whoever takes results
//! away, alone. Knows one file to be locked.

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    super::error::Result,
    has_name, open,
    range::{Ask, ask},
};

/// Which byte of the file stands for the gate.
const BYTE: i64 = 0;

/// The gate, as this process sees it.
#[derive(Debug)]
pub struct Gate {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    /// How many in this process keep it from being closed: the kernel sees one.
    held: usize,
}

/// Keeps results where they are until it is dropped.
#[derive(Debug)]
pub struct Calm {
    gate: Arc<Gate>,
}

/// Nobody finds or makes anything until it is dropped.
#[derive(Debug)]
pub struct Closed {
    _file: File,
}

impl Gate {
    pub fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            path,
            state: Mutex::default(),
        })
    }

    /// Waits until nobody takes anything away.
    pub fn pass(self: &Arc<Self>) -> Result<Calm> {
        let mut state = self.state();
        while state.held == 0 {
            let file = match state.file.take() {
                Some(file) => file,
                None => open(&self.path)?,
            };
            ask(&file, Ask::Share { wait: true }, BYTE, &self.path)?;
            // Somebody may have removed the file: others lock another one.
            if has_name(&file) {
                state.file = Some(file);
                break;
            }
        }
        state.held += 1;
        Ok(Calm {
            gate: Arc::clone(self),
        })
    }

    /// None where somebody has passed and is not done.
    pub fn close(&self) -> Result<Option<Closed>> {
        let file = open(&self.path)?;
        let is_closed = ask(&file, Ask::Own, BYTE, &self.path)?;
        Ok(is_closed.then_some(Closed { _file: file }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.held -= 1;
        if state.held == 0
            && let Some(file) = &state.file
        {
            // What cannot be given up is given up with the file.
            let _ = ask(file, Ask::Free, BYTE, &self.gate.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn who_passes_keeps_it_open_and_who_closes_it_keeps_all_out() {
        let folder = tempfile::tempdir().unwrap();
        let gate = || Gate::new(folder.path().join("gate"));
        // As different processes have them.
        let (one, two) = (gate(), gate());
        let (first, second) = (one.pass().unwrap(), one.pass().unwrap());
        assert!(two.close().unwrap().is_none());
        drop(first);
        assert!(two.close().unwrap().is_none());
        drop(second);
        let closed = two.close().unwrap().unwrap();
        assert!(gate().close().unwrap().is_none());
        let waits = thread::spawn(move || one.pass().map(drop));
        thread::sleep(Duration::from_millis(50));
        assert!(!waits.is_finished());
        drop(closed);
        waits.join().unwrap().unwrap();
        assert!(two.close().unwrap().is_some());
    }

    #[test]
    fn a_gate_whose_file_is_gone_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        let (one, two) = (Gate::new(path.clone()), Gate::new(path.clone()));
        drop(one.pass().unwrap());
        crate::store::disk::remove_file(&path).unwrap();
        let _calm = one.pass().unwrap();
        assert!(two.close().unwrap().is_none());
    }
}
