//! A thread that brings results into the store while the loop goes on: hashing a large output takes its time.
//! What ends meanwhile goes together, at the price of one sync. Knows stages as numbers only.

use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender, unbounded};
use pipe_schema::record::Record;

use crate::store::{Publication, Store, StoreError};

/// What came of a publication, and whose it is.
pub type Published = (usize, Result<Record, StoreError>);

/// The loop's end of the thread, which ends when this is dropped.
pub struct Publisher {
    orders: Sender<(usize, Publication)>,
    results: Receiver<Published>,
}

impl Publisher {
    /// Starts the thread. `scope` waits for it.
    pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, store: &'scope Store) -> Self {
        let (orders, arriving) = unbounded::<(usize, Publication)>();
        let (leaving, results) = unbounded();
        scope.spawn(move || {
            while let Ok(first) = arriving.recv() {
                let (stages, publications): (Vec<usize>, Vec<Publication>) =
                    std::iter::once(first).chain(arriving.try_iter()).unzip();
                let results = store.publish_all(publications);
                for published in stages.into_iter().zip(results) {
                    // Nobody listens when the loop has ended with an error.
                    let _ = leaving.send(published);
                }
            }
        });
        Self { orders, results }
    }

    pub fn publish(&self, stage: usize, publication: Publication) {
        // The thread lives as long as this end of the channel.
        let _ = self.orders.send((stage, publication));
    }

    pub fn results(&self) -> &Receiver<Published> {
        &self.results
    }
}
