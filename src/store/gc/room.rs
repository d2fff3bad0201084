//! Making no more room than is wanted: of what no kept run needs, what was used last stays as long as there is room.
//! Decides; removes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use pipe_schema::{key::Key, manifest::Digest};

use super::{
    super::{Store, error::Result, journal::Kind, lookup::named_objects},
    Needed, Policy, age, changed,
    needed::made_at,
    tree_bytes,
};
use crate::plan::file_name;

/// Something that may go, and when it was used last. Equal times: in this order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Idle {
    time: Option<SystemTime>,
    thing: Thing,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// With the objects that no needed record speaks of.
    Record(Key, BTreeSet<Digest>),
    /// A file that was fetched; after the records that were made of it.
    Blob(Digest),
    /// The logs of a run, and its list.
    Run(String),
}

impl Store {
    /// Frees at least `excess` bytes if that can be, the longest unused first, by leaving that out; all else that the policy
    /// would let go is added to `needed`, or taken from `old_runs`.
    pub(super) fn keep_what_fits(
        &self,
        excess: u64,
        old_runs: &mut Vec<String>,
        needed: &mut Needed,
        policy: &Policy,
    ) -> Result<()> {
        let (mut idle, holders) = self.idle_records(old_runs, needed)?;
        idle.extend(self.idle_blobs(&idle, needed, policy)?);
        idle.extend(old_runs.drain(..).map(|run| Idle {
            time: changed(&self.layout.run_log(&run)),
            thing: Thing::Run(run),
        }));
        idle.sort_unstable();
        let mut freed = self.bytes_of_junk(needed, &holders)?;
        let mut holders = holders;
        let mut idle = idle.into_iter();
        let is_enough = |freed: u64| freed >= excess;
        while !is_enough(freed) {
            let Some(Idle { thing, .. }) = idle.next() else {
                break;
            };
            match thing {
                Thing::Record(key, objects) => {
                    freed += self.bytes_of_frame(Kind::Record, &key.0);
                    for digest in objects {
                        let count = holders.entry(digest).or_insert(1);
                        *count -= 1;
                        if *count == 0 {
                            freed += self.bytes_of_object(&digest);
                        }
                    }
                }
                Thing::Blob(digest) => freed += tree_bytes(&self.layout.blob(&digest)),
                Thing::Run(run) => {
                    let name = file_name(&run);
                    freed += tree_bytes(&self.layout.attempt_logs().join(name));
                    old_runs.push(run);
                }
            }
        }
        for Idle { thing, .. } in idle {
            match thing {
                Thing::Record(key, _) => needed.add(key, self.find_record(&key).as_ref()),
                Thing::Blob(digest) => drop(needed.inputs.insert(digest)),
                Thing::Run(_) => {}
            }
        }
        Ok(())
    }

    /// Records that nothing needs, and how many of them speak of each object.
    fn idle_records(
        &self,
        old_runs: &[String],
        needed: &Needed,
    ) -> Result<(Vec<Idle>, BTreeMap<Digest, u32>)> {
        let mut used: BTreeMap<Key, SystemTime> = BTreeMap::new();
        // The newest run comes first.
        for run in old_runs {
            let Some(time) = changed(&self.layout.run_log(run)) else {
                continue;
            };
            for key in self.used_by(run)? {
                used.entry(key).or_insert(time);
            }
        }
        let mut idle = Vec::new();
        let mut holders: BTreeMap<Digest, u32> = BTreeMap::new();
        for key in self.record_keys()? {
            if needed.keys.contains(&key) {
                continue;
            }
            let record = self.find_record(&key);
            let objects: BTreeSet<Digest> = record
                .iter()
                .flat_map(named_objects)
                .map(|it| it.1)
                .filter(|it| !needed.digests.contains(it))
                .collect();
            for digest in &objects {
                *holders.entry(*digest).or_default() += 1;
            }
            let made = record.as_ref().and_then(made_at);
            idle.push(Idle {
                time: made.max(used.get(&key).copied()),
                thing: Thing::Record(key, objects),
            });
        }
        Ok((idle, holders))
    }

    /// Fetched files of which no needed record was made. One is in use as long as a record that was made of it.
    fn idle_blobs(&self, records: &[Idle], needed: &Needed, policy: &Policy) -> Result<Vec<Idle>> {
        let digests = self.blob_digests()?;
        let mut times: BTreeMap<Digest, Option<SystemTime>> = BTreeMap::new();
        for digest in digests {
            let folder = self.layout.blob(&digest);
            let is_young = age(&folder).is_some_and(|it| it < policy.older_than);
            if !is_young && !needed.inputs.contains(&digest) {
                times.insert(digest, changed(&folder));
            }
        }
        if !times.is_empty() {
            for record in records {
                let Thing::Record(key, _) = &record.thing else {
                    continue;
                };
                let inputs = self.find_record(key).map(|it| it.parts.inputs);
                for digest in inputs.iter().flat_map(BTreeMap::values) {
                    if let Some(time) = times.get_mut(digest) {
                        *time = record.time.max(*time);
                    }
                }
            }
        }
        Ok(times
            .into_iter()
            .map(|(digest, time)| Idle {
                time,
                thing: Thing::Blob(digest),
            })
            .collect())
    }

    /// What goes in any case: nobody can ask for it any more.
    fn bytes_of_junk(&self, needed: &Needed, holders: &BTreeMap<Digest, u32>) -> Result<u64> {
        let objects = self.object_digests()?.into_iter();
        let objects = objects.chain(self.packed_digests()?);
        let orphans =
            objects.filter(|it| !needed.digests.contains(it) && !holders.contains_key(it));
        let mut bytes: u64 = orphans.map(|it| self.bytes_of_object(&it)).sum();
        for path in self.idle_checkpoints(&needed.trained, &needed.claimed)? {
            bytes += tree_bytes(&path);
        }
        let live = self.live_leases()?.into_iter().collect();
        for path in self.dead_scratch()? {
            bytes += tree_bytes(&path);
        }
        for path in self.leftovers(&[], &live)? {
            bytes += tree_bytes(&path);
        }
        Ok(bytes)
    }

    fn bytes_of_object(&self, digest: &Digest) -> u64 {
        tree_bytes(&self.layout.object(digest))
            + self.bytes_of_frame(Kind::Tree, digest)
            + self.bytes_of_frame(Kind::Pack, digest)
    }
}
