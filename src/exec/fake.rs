//! An executor for tests of the schedule: a closure stands for each job. Starts threads, no processes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use pipe_schema::{protocol::Done, run::Failure};

use super::{Executor, Job, Message, Outcome, Stop};

type Behaviour = dyn Fn(&Job, &AtomicBool) -> Result<Done, Failure> + Send + Sync;

/// Runs a closure for each job, in a thread. The flag that it gets is set when the job is stopped.
pub struct Fake {
    behave: Arc<Behaviour>,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    stops: HashMap<u64, Arc<AtomicBool>>,
    /// The stages whose jobs were started, in order.
    pub started: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub fn new(
        behave: impl Fn(&Job, &AtomicBool) -> Result<Done, Failure> + Send + Sync + 'static,
    ) -> Self {
        let (sender, receiver) = unbounded();
        Self {
            behave: Arc::new(behave),
            sender,
            receiver,
            stops: HashMap::new(),
            started: Arc::default(),
        }
    }
}

impl Executor for Fake {
    fn start(&mut self, job: Job) {
        self.started.lock().unwrap().push(job.stage.clone());
        let stop = Arc::new(AtomicBool::new(false));
        self.stops.insert(job.id, Arc::clone(&stop));
        let (behave, sender) = (Arc::clone(&self.behave), self.sender.clone());
        thread::spawn(move || {
            let started = Instant::now();
            let outcome = Outcome {
                result: behave(&job, &stop),
                exit: None,
                started,
                ended: Instant::now(),
            };
            let job = job.id;
            let _ = sender.send(Message::Finished {
                job,
                outcome: Box::new(outcome),
            });
        });
    }

    fn stop(&mut self, job: u64, _how: Stop) {
        if let Some(stop) = self.stops.get(&job) {
            stop.store(true, Ordering::SeqCst);
        }
    }

    fn messages(&self) -> &Receiver<Message> {
        &self.receiver
    }
}
