//! A thread that brings results into the store while the loop goes on: hashing a large output takes its time.
//! What ends meanwhile goes together, at the price of one sync. Knows stages as numbers only.

use std::{
    io,
    sync::Arc,
    thread::{self, Scope},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use pipe_schema::record::Record;

use crate::store::{Publication, Store, StoreError};

/// Syncs are no nearer to each other than this, as long as nobody waits for what is published.
const SPACING: Duration = Duration::from_millis(20);

/// How often it is looked whether something should be brought to the disk while nothing comes.
const IDLE: Duration = Duration::from_secs(1);

/// What came of a publication, and whose it is.
pub type Published = (usize, Result<Record, StoreError>);

enum Order {
    Publish(usize, Box<Publication>),
    Compare(usize, Box<Publication>, Arc<Record>),
    Hurry,
}

/// The loop's end of the thread, which ends when this is dropped.
pub struct Publisher {
    orders: Sender<Order>,
    results: Receiver<Published>,
}

impl Publisher {
    /// Starts the thread. `scope` waits for it.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        store: &'scope Store,
    ) -> io::Result<Self> {
        let (orders, arriving) = unbounded();
        let (leaving, results) = unbounded();
        let run = move || {
            let mut last = None;
            // Nobody listens when the loop has ended with an error.
            let compared = |published: Published| drop(leaving.send(published));
            while let Some((stages, publications)) = gather(&arriving, last, store, &compared) {
                let is_synced = publications.iter().any(Publication::needs_sync);
                let results = store.publish_all(publications);
                if is_synced {
                    last = Some(Instant::now());
                }
                for published in stages.into_iter().zip(results) {
                    let _ = leaving.send(published);
                }
            }
        };
        thread::Builder::new().spawn_scoped(scope, run)?;
        Ok(Self { orders, results })
    }

    pub fn publish(&self, stage: usize, publication: Publication) {
        // The thread lives as long as this end of the channel.
        let _ = self
            .orders
            .send(Order::Publish(stage, Box::new(publication)));
    }

    /// Compares what was made with a record; nothing is published.
    pub fn compare(&self, stage: usize, publication: Publication, before: Arc<Record>) {
        let order = Order::Compare(stage, Box::new(publication), before);
        let _ = self.orders.send(order);
    }

    /// There is nothing to be done before what was handed over is published.
    pub fn hurry(&self) {
        let _ = self.orders.send(Order::Hurry);
    }

    pub fn results(&self) -> &Receiver<Published> {
        &self.results
    }
}

/// What is to be published next; None at the end. `last` is when the disk was synced.
fn gather(
    arriving: &Receiver<Order>,
    last: Option<Instant>,
    store: &Store,
    compared: &dyn Fn(Published),
) -> Option<(Vec<usize>, Vec<Publication>)> {
    let mut found = (Vec::new(), Vec::new());
    let mut until = None;
    let mut is_urgent = false;
    loop {
        let order = match until {
            None => arriving.recv_timeout(IDLE),
            Some(_) if is_urgent => arriving.recv_timeout(Duration::ZERO),
            Some(until) => arriving.recv_deadline(until),
        };
        match order {
            Ok(Order::Publish(stage, publication)) => {
                until.get_or_insert_with(|| match last {
                    Some(last) if publication.needs_sync() => last + SPACING,
                    _ => Instant::now(),
                });
                found.0.push(stage);
                found.1.push(*publication);
            }
            Ok(Order::Compare(stage, publication, before)) => {
                let result = store.compare(*publication, &before);
                compared((stage, result.map(|()| (*before).clone())));
            }
            // Of what was handed over before.
            Ok(Order::Hurry) => is_urgent = until.is_some(),
            Err(RecvTimeoutError::Disconnected) if found.0.is_empty() => return None,
            Err(RecvTimeoutError::Timeout) if found.0.is_empty() => store.keep_up(),
            Err(_) => return Some(found),
        }
    }
}
