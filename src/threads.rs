//! Work for several cores: items that another one makes while they are used, and items that all share. Knows nothing of
//! the items. Where there can be no more threads, fewer do the work.

use std::{
    collections::VecDeque,
    num::NonZero,
    panic::resume_unwind,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, Scope},
};

/// What there is to say where a thread that is needed cannot be had.
pub const REFUSED: &str = "the system starts no more threads (`ulimit -u` says how many it allows)";

/// Bytes of stack: as many as the first thread of a process has, so that what is nested deeply fits there, too.
const STACK: usize = 8 << 20;
/// Batches that go round between who makes items and who uses them.
const BATCHES: usize = 4;

/// How many cores this process may use. The first answer takes longer than a small file.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// What `work` makes of each item, in their order. This thread and up to `threads - 1` others take the next one as they are
/// done with the last; each has a state of its own.
pub fn map<T: Sync, S: Default, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut state = S::default();
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return made;
            };
            made.push((at, work(&mut state, item)));
        }
    };
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len()))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, take).ok())
            .collect();
        let mut made = take();
        for other in others {
            // One that panicked has told so.
            made.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        made
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

/// The items of an iterator, in its order.
pub enum Ahead<I: Iterator> {
    /// They are made when they are asked for.
    Here(I),
    There {
        batch: VecDeque<I::Item>,
        full: Receiver<VecDeque<I::Item>>,
        used: SyncSender<VecDeque<I::Item>>,
    },
}

impl<I: Iterator<Item: Send>> Ahead<I> {
    /// Makes items on a thread of the scope, some ahead of who uses them, and hands over so many at once: waking who waits
    /// takes as long as making many small ones. Where there can be no thread, they are made here. Dropped, it makes no more
    /// than those.
    pub fn spawn<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        at_once: usize,
        make: impl Fn() -> I + Copy + Send + 'scope,
    ) -> Self
    where
        I: 'scope,
    {
        let (to, full) = mpsc::sync_channel(BATCHES);
        let (used, empty) = mpsc::sync_channel(BATCHES);
        let run = move || hand_over(make(), at_once, &empty, &to);
        let thread = thread::Builder::new().stack_size(STACK);
        if thread.spawn_scoped(scope, run).is_err() {
            return Self::Here(make());
        }
        for _ in 1..BATCHES {
            let _ = used.send(VecDeque::new());
        }
        Self::There {
            batch: VecDeque::new(),
            full,
            used,
        }
    }
}

impl<I: Iterator> Iterator for Ahead<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        match self {
            Self::Here(items) => items.next(),
            Self::There { batch, full, used } => {
                if batch.is_empty() {
                    let next = full.recv().ok()?;
                    // Its memory is used again, if anything is still to come.
                    let _ = used.send(std::mem::replace(batch, next));
                }
                batch.pop_front()
            }
        }
    }
}

/// Fills the batches that come back until nothing is left, or nobody takes them any more.
fn hand_over<T>(
    mut items: impl Iterator<Item = T>,
    at_once: usize,
    empty: &Receiver<VecDeque<T>>,
    to: &SyncSender<VecDeque<T>>,
) {
    for mut batch in empty {
        batch.reserve_exact(at_once);
        batch.extend(items.by_ref().take(at_once));
        let is_last = batch.len() < at_once;
        if to.send(batch).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const BATCH: usize = 256;

    #[test]
    fn each_item_is_taken_once() {
        for threads in [0, 1, 3, 50] {
            for n in [0, 1, 2, 1000] {
                let items: Vec<usize> = (0..n).collect();
                let made = map(threads, &items, |seen: &mut usize, it| {
                    *seen += 1;
                    (it * 2, *seen)
                });
                let doubles: Vec<usize> = made.iter().map(|it| it.0).collect();
                assert_eq!(doubles, items.iter().map(|it| it * 2).collect::<Vec<_>>());
                let n_firsts = made.iter().filter(|it| it.1 == 1).count();
                assert!(n_firsts <= threads.max(1).min(n), "{n_firsts} of {threads}");
            }
        }
    }

    #[test]
    fn all_come_in_order() {
        for n in [0, 1, BATCH - 1, BATCH, BATCH + 1, 100 * BATCH] {
            let found: Vec<usize> =
                thread::scope(|scope| Ahead::spawn(scope, BATCH, || 0..n).collect());
            assert_eq!(found, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_are_made_than_may_wait() {
        let made = AtomicUsize::new(0);
        let endless = || (0..).inspect(|_| _ = made.fetch_add(1, Ordering::Relaxed));
        let first = thread::scope(|scope| Ahead::spawn(scope, BATCH, &endless).next());
        assert_eq!(first, Some(0));
        assert!(made.into_inner() <= (BATCHES + 1) * BATCH);
    }
}
