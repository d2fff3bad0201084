//! A stage made concrete: its inputs by content and by path, and so its key. Reads files; in a run, starts tools for their
//! version.

use std::{collections::BTreeMap, sync::Arc};

use pipe_schema::{
    key::{Config, EnvironmentClass, Key, KeyParts},
    manifest::Digest,
    protocol::InputPath,
    record::{Output, Record},
    remote::Remote,
    run::{Failure, FailureKind},
    stage::{Cache, Reuse, Task, train::Device},
};

use super::{
    Options,
    machine::Machine,
    programs, script, sources, threads,
    trouble::{of_store, text_of},
    view::View,
};
use crate::{
    exec::failure,
    key,
    plan::{Input, Stage, StageId, paths::is_glob},
    store::{PathDigest, Store},
};

/// A stage with all that its execution depends on.
#[derive(Clone, Debug)]
pub struct Action {
    pub parts: KeyParts,
    pub key: Key,
    /// Where inputs lie, by the role that the worker knows them by.
    pub inputs: BTreeMap<String, InputPath>,
    /// By role, the names of the files that are all that an input holds, because its stage wrote a file and no folder.
    pub lone_files: BTreeMap<String, String>,
    /// Files elsewhere, which must be fetched before it is executed.
    pub remotes: Vec<Remote>,
    /// Files of the project that were read, to see afterwards whether they stayed as they were.
    pub files: Vec<PathDigest>,
    /// Names for people of inputs whose role alone says little: `source/0` is `data/digits.csv.gz`.
    pub places: BTreeMap<String, String>,
    /// Keys of the records that inputs came from, by role.
    pub upstream: BTreeMap<String, Key>,
    /// `cpu` or `cuda`.
    pub device: String,
    /// What of the machine computes it, whether the key depends on that or not.
    pub class: Option<Box<EnvironmentClass>>,
    pub threads: u32,
}

impl Action {
    /// What the store must keep while this is executed: what it makes, what was fetched for it, its checkpoints.
    pub fn needed(&self) -> Vec<Digest> {
        let fetched = self.remotes.iter().filter_map(Remote::digest);
        let own = [self.key.0, key::without_until(&self.parts).0];
        own.into_iter().chain(fetched).collect()
    }
}

/// What is needed to make actions.
#[derive(Clone, Copy)]
pub struct Maker<'a> {
    pub store: &'a Store,
    pub options: &'a Options,
    pub machine: &'a Machine,
    /// The files of the project as the stage finds them.
    pub view: &'a View<'a>,
}

impl Maker<'_> {
    /// Makes a stage concrete. `records` has those of all stages that it reads.
    pub fn make(
        &self,
        stage: &Stage,
        records: &BTreeMap<StageId, Arc<Record>>,
    ) -> Result<Action, Failure> {
        let mut action = Action {
            parts: KeyParts {
                kind: stage.task.kind().to_owned(),
                revision: stage.task.revision(),
                config: config_of(stage)?,
                inputs: BTreeMap::new(),
                outputs: stage
                    .outputs
                    .iter()
                    .map(|(name, it)| (name.clone(), it.name().to_owned()))
                    .collect(),
                env: self.environment_of(stage),
                tools: BTreeMap::new(),
                environment: None,
                until: None,
            },
            key: Key(Digest([0; 32])),
            inputs: BTreeMap::new(),
            lone_files: BTreeMap::new(),
            remotes: Vec::new(),
            files: Vec::new(),
            places: BTreeMap::new(),
            upstream: BTreeMap::new(),
            device: "cpu".to_owned(),
            class: None,
            threads: threads::of(stage),
        };
        for input in &stage.inputs {
            self.add_input(&mut action, (stage, input), records)?;
        }
        self.add_files(&mut action, stage)?;
        match &stage.task {
            Task::Command(command) => {
                action.parts.tools =
                    programs::of(self.view, self.store, self.options, stage, command)?;
            }
            Task::Train(train) => action.parts.until = Some(train.epochs),
            _ => {}
        }
        if stage.task.is_tensor() {
            let class = self.class_of(stage, action.threads)?;
            action.device.clone_from(&class.device);
            if stage.reuse == Reuse::Exact {
                action.parts.environment = Some(Box::new(class.clone()));
            }
            action.class = Some(Box::new(class));
        }
        action.key = key::of(&action.parts);
        Ok(action)
    }

    fn add_input(
        &self,
        action: &mut Action,
        (stage, input): (&Stage, &Input),
        records: &BTreeMap<StageId, Arc<Record>>,
    ) -> Result<(), Failure> {
        let output = records
            .get(&input.stage)
            .and_then(|record| Some((record, record.outputs.get(&input.output)?)));
        let Some((record, output)) = output else {
            return Err(failure::plain(
                FailureKind::Bug,
                format!(
                    "stage `{}` is done but has no output `{}`",
                    input.stage, input.output
                ),
                None,
            ));
        };
        let role = &input.role;
        let lone_file = self.lone_file(
            action,
            (stage, input),
            (output, record.parts.kind == "command"),
        )?;
        if let Some(digest) = lone_file {
            action.parts.inputs.insert(role.clone(), digest);
        } else if input.reads.is_empty() {
            action.parts.inputs.insert(role.clone(), output.digest);
        } else {
            let parts = self
                .store
                .subdigest(&output.digest, &input.reads)
                .map_err(|error| of_store(&error))?;
            for (path, digest) in parts {
                action.parts.inputs.insert(format!("{role}/{path}"), digest);
            }
        }
        let mut path = self.store.artifact(&output.digest);
        if let Some(file) = &input.file {
            path.push(file);
        }
        let place = InputPath {
            path: text_of(&path)?,
            part: input.part.clone(),
        };
        action.inputs.insert(role.clone(), place);
        action.upstream.insert(role.clone(), record.key);
        Ok(())
    }

    /// Notes that a command's input is a lone file. Returns the digest of the file if the command uses it as such: then the
    /// folder around it does not count.
    fn lone_file(
        &self,
        action: &mut Action,
        (stage, input): (&Stage, &Input),
        (output, is_of_command): (&Output, bool),
    ) -> Result<Option<Digest>, Failure> {
        let Task::Command(command) = &stage.task else {
            return Ok(None);
        };
        if !is_of_command || input.file.is_some() || input.part.is_some() {
            return Ok(None);
        }
        let file = self.store.lone_file(output, &input.output);
        let Some(file) = file.map_err(|error| of_store(&error))? else {
            return Ok(None);
        };
        let name = input.role.replacen("inputs/", "inputs.", 1);
        let is_used = command
            .cmd
            .0
            .iter()
            .any(|line| script::is_used_as_file(line, &name));
        let digests = self
            .store
            .subdigest(&output.digest, std::slice::from_ref(&file));
        let digest = digests.map_err(|error| of_store(&error))?.remove(&file);
        action.lone_files.insert(input.role.clone(), file);
        Ok(digest.filter(|_| is_used))
    }

    fn add_files(&self, action: &mut Action, stage: &Stage) -> Result<(), Failure> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut names = BTreeMap::new();
        let reads_names = sources::reads_names(&stage.task);
        for input in &stage.files {
            let is_list = sources::is_list(&input.role);
            if let Some((remote, digest)) = input
                .remote
                .as_ref()
                .and_then(|it| Some((it, it.digest()?)))
            {
                let count = counts.entry(&input.role).or_default();
                let role = format!("{}/{count}", input.role);
                *count += 1;
                action.parts.inputs.insert(role.clone(), digest);
                action.remotes.push(remote.clone());
                let place = InputPath {
                    path: text_of(&self.store.blob(&digest))?,
                    part: None,
                };
                action.inputs.insert(role.clone(), place);
                action.places.insert(role, remote.shown());
                continue;
            }
            // What is at a path itself is noted as it is read.
            if self.store.is_watching() && (is_list || is_glob(&input.path)) {
                let places = sources::searched(&self.options.folder, &input.path, is_list)?;
                for place in &places {
                    self.store.look(place);
                }
            }
            for (name, path) in sources::expand(self.view, &input.path, is_list)? {
                let role = if is_list {
                    let count = counts.entry(&input.role).or_default();
                    *count += 1;
                    if reads_names {
                        let names: &mut sources::Names = names.entry(&input.role).or_default();
                        names.add(&path, &name);
                    }
                    format!("{}/{}", input.role, *count - 1)
                } else if input.role == "dep" {
                    format!("dep/{name}")
                } else {
                    input.role.clone()
                };
                let is_always_read = stage.control.cache == Cache::HashSources;
                if is_always_read {
                    self.store.distrust_path(&path);
                }
                let content = self.view.digest(&path).map_err(|error| {
                    if error.is_missing() {
                        sources::not_there(&name, &self.options.folder)
                    } else {
                        of_store(&error)
                    }
                })?;
                action.parts.inputs.insert(role.clone(), content.digest);
                let mut read = content.read;
                if is_always_read {
                    read = read.map(PathDigest::distrusted);
                }
                action.files.extend(read);
                let place = InputPath {
                    path: text_of(&path)?,
                    part: None,
                };
                action.inputs.insert(role.clone(), place);
                if !role.ends_with(&name) {
                    action.places.insert(role, name);
                }
            }
        }
        let keeps_names = sources::keeps_names(&stage.task);
        for (role, names) in names {
            let [folders, files] = names.digests();
            action.parts.inputs.insert(format!("{role}/names"), folders);
            if keeps_names {
                action.parts.inputs.insert(format!("{role}/files"), files);
            }
        }
        Ok(())
    }

    fn environment_of(&self, stage: &Stage) -> BTreeMap<String, Option<String>> {
        let own = stage
            .control
            .env
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())));
        let passed = stage
            .control
            .pass_env
            .iter()
            .map(|name| (name.clone(), self.options.host.get(name)));
        passed.chain(own).collect()
    }

    /// The class of machine that computes the stage. The device is part of it, so it is decided here.
    fn class_of(&self, stage: &Stage, threads: u32) -> Result<EnvironmentClass, Failure> {
        let classes = self.machine.classes()?;
        let find = |device: &str| classes.iter().find(|it| it.device == device);
        let found = match device_of(&stage.task) {
            Device::Auto => find("cuda").or_else(|| find("cpu")),
            Device::Cpu => find("cpu"),
            Device::Cuda => find("cuda"),
        };
        let class = found.ok_or_else(|| {
            failure::plain(
                FailureKind::Wrong,
                "this machine has no GPU that libtorch can use",
                Some("write `device: auto` to use one only where there is one"),
            )
        })?;
        Ok(EnvironmentClass {
            threads,
            ..class.clone()
        })
    }
}

fn device_of(task: &Task) -> Device {
    match task {
        Task::Train(it) => it.device,
        Task::Evaluate(it) => it.device,
        Task::Compress(it) => it.device,
        // A package is checked where it will be served: anywhere.
        _ => Device::Cpu,
    }
}

fn config_of(stage: &Stage) -> Result<Config, Failure> {
    let wrong = |error: String| failure::plain(FailureKind::Wrong, error, None);
    let config = key::config_of(stage).map_err(|error| wrong(error.to_string()))?;
    Config::new(&config).map_err(|error| wrong(error.to_string()))
}
