//! What takes room in a store, by stage and by kind of stage. Reads records and the sizes of files; changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    Store,
    error::Result,
    gc::tree_bytes,
    lookup::named_objects,
    record::{Found, children},
};

/// A number of things and the bytes of their content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub count: u64,
    pub bytes: u64,
}

/// What takes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Results by stage, all instances of a matrix together, and kind. One that several stages made counts for each.
    pub stages: BTreeMap<(String, String), Share>,
    /// The same by kind; one that several stages of a kind made counts once.
    pub kinds: BTreeMap<String, Share>,
    /// Results of which no record speaks.
    pub unclaimed: Share,
    pub blobs: Share,
    pub checkpoints: Share,
    pub quarantine: Share,
    /// Bytes on disk of everything.
    pub bytes: u64,
}

impl Store {
    /// Looks at all records, and at the sizes of all files.
    pub fn usage(&self) -> Result<Usage> {
        let mut usage = Usage {
            bytes: self.size(),
            blobs: Share {
                count: self.blob_digests()?.len() as u64,
                bytes: tree_bytes(&self.layout.blobs()),
            },
            checkpoints: share_of(&self.layout.checkpoints())?,
            quarantine: share_of(&self.layout.quarantine())?,
            ..Usage::default()
        };
        let mut objects: BTreeSet<_> = self.object_digests()?.into_iter().collect();
        objects.extend(self.packed_digests()?);
        let mut claimed = BTreeSet::new();
        let (mut by_stage, mut by_kind) = (BTreeSet::new(), BTreeSet::new());
        for key in self.record_keys()? {
            // A damaged one is left to whoever needs it.
            let Found::Record(record) = self.record(&key)? else {
                continue;
            };
            let id = &record.observed.stage;
            let stage = id.split('@').next().unwrap_or(id).to_owned();
            let kind = &record.parts.kind;
            let outputs = record.outputs.values().map(|it| it.bytes);
            let sizes = outputs.chain(record.outs.values().map(|it| it.bytes));
            for ((_, digest), bytes) in named_objects(&record).zip(sizes) {
                if !objects.contains(&digest) {
                    continue;
                }
                claimed.insert(digest);
                let owner = (stage.clone(), kind.clone());
                let share = usage.stages.entry(owner.clone()).or_default();
                if by_stage.insert((owner, digest)) {
                    share.add(bytes);
                }
                let share = usage.kinds.entry(kind.clone()).or_default();
                if by_kind.insert((kind.clone(), digest)) {
                    share.add(bytes);
                }
            }
        }
        for digest in objects.difference(&claimed) {
            usage.unclaimed.add(tree_bytes(&self.layout.object(digest)));
        }
        Ok(usage)
    }
}

impl Share {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

fn share_of(folder: &Path) -> Result<Share> {
    Ok(Share {
        count: children(folder)?.len() as u64,
        bytes: tree_bytes(folder),
    })
}
