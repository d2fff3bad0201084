//! Threads that do one thing after another: as many as there are things at a time. Knows no job.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::mailbox::{Mailbox, Slit, mailbox};

type Task = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped and their tasks are done.
pub struct Crew {
    tasks: Slit<Task>,
    waiting: Mailbox<Task>,
    /// Threads that nobody has given a task.
    idle: Arc<AtomicUsize>,
}

impl Crew {
    pub fn new() -> Self {
        let (tasks, waiting) = mailbox();
        Self {
            tasks,
            waiting,
            idle: Arc::default(),
        }
    }

    /// Does it at once, in a thread that is idle or new.
    pub fn run(&self, task: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let take = |idle: usize| idle.checked_sub(1);
        let order = Ordering::AcqRel;
        if (self.idle.fetch_update(order, Ordering::Acquire, take)).is_ok() {
            self.tasks.leave(Box::new(task));
            return Ok(());
        }
        let (waiting, idle) = (self.waiting.clone(), Arc::clone(&self.idle));
        let work = move || {
            task();
            loop {
                idle.fetch_add(1, Ordering::AcqRel);
                match waiting.take(None) {
                    Ok(task) => task(),
                    Err(_) => break,
                }
            }
        };
        (thread::Builder::new().name("job".to_owned()))
            .spawn(work)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn a_thread_is_used_again_and_nothing_waits_for_another() {
        let crew = Crew::new();
        let (told, hear) = unbounded();
        for _ in 0..100 {
            let told = told.clone();
            crew.run(move || told.send(thread::current().id()).unwrap())
                .unwrap();
            hear.recv().unwrap();
            while crew.idle.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
        }
        // All of these are under way at once, or none would end.
        let barrier = Arc::new(std::sync::Barrier::new(8));
        for _ in 0..8 {
            let (told, barrier) = (told.clone(), Arc::clone(&barrier));
            crew.run(move || {
                barrier.wait();
                told.send(thread::current().id()).unwrap();
            })
            .unwrap();
        }
        let threads: HashSet<_> = (0..8)
            .map(|_| hear.recv_timeout(Duration::from_mins(1)).unwrap())
            .collect();
        assert_eq!(threads.len(), 8);
    }
}
