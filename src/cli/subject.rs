//! The stage or run that a command is about: found in the store by what was typed, `fit`, `prepare.test` or `score@fold=0`.
//! Reads no spec: what was made can be looked at without it.

use std::path::{Path, PathBuf};

use pipe_schema::{
    manifest::Digest, package::TORCHSCRIPT_FILE, record::Record, reference::Reference, run::Event,
    stage::ArtifactType,
};

use super::{Context, UserError, context::Verbosity, discovery, failure};
use crate::{
    plan::{is_meant, shell},
    spec::suggest,
    store::Store,
};

/// The words that name a stage.
#[derive(clap::Args)]
pub struct StageWords {
    /// The spec, if several have such a stage, then the stage or a part of its result: `bundle`, `prepare.test`, `score@fold=0`
    #[arg(value_name = "SPEC] [STAGE", num_args = 1..=2, required = true)]
    words: Vec<String>,
}

impl StageWords {
    /// The spec and the stage.
    pub fn split(&self) -> (Option<&Path>, &str) {
        match self.words.as_slice() {
            [spec, stage, ..] => (Some(Path::new(spec)), stage),
            [stage] => (None, stage),
            [] => (None, ""),
        }
    }
}

/// The option that names a spec.
#[derive(clap::Args)]
pub struct SpecOption {
    /// The spec that the stage is of, if several have such a stage [default: that of this folder, else the one that ran last]
    #[arg(long, value_name = "SPEC")]
    pub spec: Option<PathBuf>,
}

/// A stage's last result, and what of it is meant.
pub struct Subject {
    /// The stage's id, with its instance.
    pub id: String,
    /// The path of the spec that it is a stage of, as logs name it, if that is known.
    pub spec: Option<String>,
    pub record: Record,
    /// The words behind the stage: an output, a part, a file.
    pub path: Vec<String>,
}

/// An artifact or a part of one.
pub struct Place {
    pub r#type: ArtifactType,
    pub path: PathBuf,
    pub bytes: u64,
    /// Of the artifact that it is, or is a part of.
    pub digest: Digest,
}

impl Place {
    /// Reads all of the artifact and refuses one that is not what it was: it is set aside, so that a run makes it again.
    pub fn check(&self, stage: &str, store: &Store) -> anyhow::Result<()> {
        let Some(what) = store.check_whole(&self.digest)? else {
            return Ok(());
        };
        Err(damaged(stage, &what).into())
    }
}

/// Refuses an artifact of a stage that is not in the store any more.
pub fn check_there(stage: &str, digest: &Digest, store: &Store) -> Result<(), UserError> {
    if store.artifact(digest).symlink_metadata().is_ok() {
        return Ok(());
    }
    let what = store.check_whole(digest).ok().flatten();
    Err(damaged(stage, what.as_deref().unwrap_or("it is gone")))
}

fn damaged(stage: &str, what: &str) -> UserError {
    UserError::failed(format!("`{stage}` is damaged: {what}"))
        .hint("`pipe run` makes it again; what was damaged lies in the store's quarantine")
}

/// The store of the current folder's project, which must be there.
pub fn open_store(context: &Context) -> anyhow::Result<Store> {
    let root = discovery::current_store_root(context);
    if !Store::is_at(&root) {
        return Err(UserError::usage(format!(
            "there are no results yet in {}",
            context.display(&root)
        ))
        .hint("`pipe run` makes some; `--store DIR` names another place")
        .into());
    }
    Ok(Store::open_existing(&root)?)
}

/// The last result of the stage that `text` names. Of several specs that have such a stage, `spec` says which is meant; without
/// it, that of this folder is meant, else the one that ran last.
pub fn find(
    store: &Store,
    spec: Option<&Path>,
    text: &str,
    context: &Context,
) -> anyhow::Result<Subject> {
    if text.is_empty() {
        return Err(UserError::usage("no stage is named")
            .hint("name one, as in `pipe show fit`; `pipe status` lists them")
            .into());
    }
    let reference: Reference = text
        .parse()
        .map_err(|error| UserError::usage(format!("{error}")))?;
    let mut id = reference.stage.clone();
    for (axis, value) in &reference.selectors {
        id.push_str(&format!("@{axis}={value}"));
    }
    let recorded = |path: &Path| discovery::recorded_spec(path, store.root(), context);
    let given = match spec {
        Some(_) => Some(recorded(&discovery::find_spec(spec, context)?)),
        None => None,
    };
    let own = discovery::find_spec(None, context).ok();
    let own = own.map(|path| recorded(&path));
    let record_of = |id: &str| match (&given, &own) {
        (Some(spec), _) => store.last_record_of_spec(spec, id),
        (None, own) => {
            let record = own
                .as_ref()
                .and_then(|spec| store.last_record_of_spec(spec, id));
            record.or_else(|| store.last_record_of_any(id))
        }
    };
    let mut record = record_of(&id);
    let known = match record {
        Some(_) => Vec::new(),
        None => known_stages(store, given.as_deref()),
    };
    let instances: Vec<&str> = known
        .iter()
        .filter(|it| is_meant(it, &id))
        .map(String::as_str)
        .collect();
    // The values of some axes may tell one instance from all others.
    if let (None, [only]) = (&record, instances.as_slice()) {
        (*only).clone_into(&mut id);
        record = record_of(&id);
    }
    let Some(record) = record else {
        return Err(unknown(&id, &known, &instances).into());
    };
    let specs = store.specs_with(&id);
    let is_of = |spec: &&String| {
        let last = store.last_record_of_spec(spec, &id);
        last.is_some_and(|last| last.key == record.key)
    };
    let shown = given.or_else(|| own.filter(|spec| is_of(&spec)));
    if shown.is_none() && specs.len() > 1 && context.verbosity > Verbosity::Quiet {
        tell_specs(&id, &specs, specs.iter().find(is_of), context);
    }
    Ok(Subject {
        spec: shown.or_else(|| specs.iter().find(is_of).cloned()),
        id,
        record,
        path: reference.path,
    })
}

/// Says that several specs have a stage of this id, and whose is meant.
fn tell_specs(id: &str, specs: &[String], meant: Option<&String>, context: &Context) {
    let names = suggest::either(specs.iter().map(String::as_str));
    let meant = meant.map_or("the one that ran last", String::as_str);
    failure::warn(
        &format!("`{id}` is a stage of several specs; this is that of {meant}"),
        &format!(
            "name the spec that you mean, {names}: `pipe show SPEC {}`",
            shell::quote(id)
        ),
        context,
    );
}

/// The run that is meant: the newest where none is named.
pub fn find_run(store: &Store, wanted: Option<&str>) -> anyhow::Result<String> {
    let runs = store.runs()?;
    let Some(wanted) = wanted else {
        let newest = runs.into_iter().next();
        return Ok(newest.ok_or_else(|| {
            UserError::usage("there is no run yet").hint("`pipe run` makes one")
        })?);
    };
    if runs.iter().any(|it| it == wanted) {
        return Ok(wanted.to_owned());
    }
    let error = UserError::usage(format!("there is no run `{wanted}`"));
    let near = suggest::nearest(wanted, runs.iter().map(String::as_str));
    Err(match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`pipe runs` lists them"),
    }
    .into())
}

impl Subject {
    /// Where what is meant lies.
    pub fn place(&self, store: &Store) -> Result<Place, UserError> {
        let mut words = self.path.iter();
        let outputs = &self.record.outputs;
        let (name, output) = match words
            .as_slice()
            .first()
            .and_then(|it| outputs.get_key_value(it))
        {
            Some(found) => {
                words.next();
                found
            }
            None => match outputs.iter().next() {
                Some(found) if outputs.len() == 1 || self.record.parts.kind != "command" => found,
                Some(_) => {
                    let names: Vec<_> = outputs
                        .keys()
                        .map(|it| format!("{}.{it}", self.id))
                        .collect();
                    return Err(
                        UserError::usage(format!("`{}` has several outputs", self.id))
                            .hint(format!("name one: {}", names.join(", "))),
                    );
                }
                None => return self.out(store),
            },
        };
        check_there(&self.id, &output.digest, store)?;
        let root = store.artifact(&output.digest);
        let words: Vec<&String> = words.collect();
        if words.is_empty() {
            return Ok(Place {
                r#type: output.r#type,
                path: root,
                bytes: output.bytes,
                digest: output.digest,
            });
        }
        let wanted = words
            .iter()
            .map(|it| it.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let file = match wanted.as_str() {
            "torchscript" => TORCHSCRIPT_FILE,
            "valid" => "val",
            other => other,
        };
        let entries: Vec<String> = std::fs::read_dir(&root)
            .into_iter()
            .flatten()
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            .collect();
        let found = entries
            .iter()
            .find(|it| *it == file)
            .or_else(|| {
                entries
                    .iter()
                    .find(|it| it.rsplit_once('.').is_some_and(|(stem, _)| stem == file))
            })
            .or_else(|| {
                entries
                    .iter()
                    .find(|it| it.rsplit_once('.').is_some_and(|(_, end)| end == file))
            });
        let Some(found) = found else {
            let place = if name == "main" {
                self.id.clone()
            } else {
                format!("{}.{name}", self.id)
            };
            let mut entries = entries;
            entries.sort();
            return Err(
                UserError::usage(format!("there is no `{wanted}` in `{place}`"))
                    .hint(format!("it has {}", entries.join(", "))),
            );
        };
        let path = root.join(found);
        let bytes = walkdir::WalkDir::new(&path)
            .into_iter()
            .filter_map(|it| it.ok()?.metadata().ok())
            .filter(std::fs::Metadata::is_file)
            .map(|it| it.len())
            .sum();
        Ok(Place {
            r#type: ArtifactType::Files,
            path,
            bytes,
            digest: output.digest,
        })
    }

    /// Where the store holds a workspace out of a command without typed outputs.
    fn out(&self, store: &Store) -> Result<Place, UserError> {
        let wanted = self.path.join(".");
        let outs = &self.record.outs;
        let found = match outs.get_key_value(&wanted) {
            Some(found) => Some(found),
            None if wanted.is_empty() && outs.len() == 1 => outs.iter().next(),
            None => None,
        };
        let Some((name, out)) = found else {
            let names: Vec<_> = outs.keys().map(|it| format!("{}.{it}", self.id)).collect();
            return Err(if names.is_empty() {
                UserError::usage(format!("`{}` leaves nothing in the store", self.id))
            } else {
                UserError::usage(format!("which of its outs is meant by `{}`?", self.id))
                    .hint(format!("name one: {}", names.join(", ")))
            });
        };
        let mut path = store.kept(&out.digest).map_err(|error| {
            let text = format!("`{name}` cannot be had from the store: {error}");
            let id = shell::quote(&self.id);
            let hint = format!("`pipe run {id}` brings it back to where it belongs");
            UserError::usage(text).hint(hint)
        })?;
        if !out.is_directory {
            path.push(name.rsplit('/').next().unwrap_or(name));
        }
        Ok(Place {
            r#type: ArtifactType::Files,
            path,
            bytes: out.bytes,
            digest: out.digest,
        })
    }
}

/// Ids of the stages of the newest run, or of the newest one of a spec.
pub fn known_stages(store: &Store, spec: Option<&str>) -> Vec<String> {
    let runs = store.runs().unwrap_or_default();
    let mut starts = runs.iter().filter_map(|run| {
        let lines = store.read_run(run).ok()?.into_iter();
        let mut events = lines.map(|line| line.event);
        events.find_map(|event| match event {
            Event::RunStarted(started) => Some(started),
            _ => None,
        })
    });
    let start = starts.find(|start| spec.is_none_or(|spec| start.spec == spec));
    start.map_or_else(Vec::new, |start| start.stages.clone())
}

fn unknown(id: &str, known: &[String], instances: &[&str]) -> UserError {
    if instances.contains(&id) {
        return UserError::usage(format!("stage `{id}` has no result yet")).hint(format!(
            "`pipe run {}` makes it; `pipe status` says where it stands",
            shell::quote(id)
        ));
    }
    if !instances.is_empty() {
        return UserError::usage(format!("stage `{id}` has {} instances", instances.len())).hint(
            format!("name one: {}", suggest::either(instances.iter().copied())),
        );
    }
    let error = UserError::usage(format!("there is no result of a stage `{id}`"));
    let known = || known.iter().map(String::as_str);
    match suggest::nearest(id, known()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known().next().is_none() => error.hint("`pipe run` makes results"),
        None => error.hint(format!("the last run had {}", suggest::list(known()))),
    }
}
