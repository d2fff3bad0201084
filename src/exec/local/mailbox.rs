//! Where threads leave things for others, who sleep until something is there. A channel would spin first, and there are more
//! threads here than cores. Knows no thing.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The end at which things are left. When all of these are dropped, nothing more will come.
pub struct Slit<T> {
    shared: Arc<Shared<T>>,
}

/// The end at which things are taken.
pub struct Mailbox<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    bell: Condvar,
}

struct State<T> {
    things: VecDeque<T>,
    slits: usize,
}

/// Why there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    Yet,
    More,
}

/// An empty mailbox.
pub fn mailbox<T>() -> (Slit<T>, Mailbox<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            things: VecDeque::new(),
            slits: 1,
        }),
        bell: Condvar::new(),
    });
    let slit = Slit {
        shared: Arc::clone(&shared),
    };
    (slit, Mailbox { shared })
}

impl<T> Slit<T> {
    pub fn leave(&self, thing: T) {
        self.shared.lock().things.push_back(thing);
        self.shared.bell.notify_one();
    }
}

impl<T> Drop for Slit<T> {
    fn drop(&mut self) {
        self.shared.lock().slits -= 1;
        self.shared.bell.notify_all();
    }
}

impl<T> Mailbox<T> {
    /// Takes what was left first, waiting for it at most this long, or for ever.
    pub fn take(&self, patience: Option<Duration>) -> Result<T, Nothing> {
        let until = patience.and_then(|it| Instant::now().checked_add(it));
        let mut state = self.shared.lock();
        loop {
            if let Some(thing) = state.things.pop_front() {
                return Ok(thing);
            }
            if state.slits == 0 {
                return Err(Nothing::More);
            }
            let Some(until) = until else {
                state = (self.shared.bell.wait(state)).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Nothing::Yet);
            }
            let woken = self.shared.bell.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every change under the lock is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn things_come_in_order_and_their_end_is_told() {
        let (slit, mailbox) = mailbox();
        assert_eq!(mailbox.take(Some(Duration::ZERO)), Err(Nothing::Yet));
        let waiting = thread::spawn(move || {
            let things: Vec<u32> = std::iter::from_fn(|| mailbox.take(None).ok()).collect();
            (things, mailbox.take(Some(Duration::from_mins(1))))
        });
        for thing in 0..1000 {
            slit.leave(thing);
        }
        drop(slit);
        let (things, end) = waiting.join().unwrap();
        assert_eq!(things, (0..1000).collect::<Vec<_>>());
        assert_eq!(end, Err(Nothing::More));
    }
}
