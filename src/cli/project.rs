//! A spec on disk made into a plan: overrides from the command line, included files, globs. The plan's eyes on the files.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pipe_data::table;
use pipe_schema::{manifest::Digest, stage::preprocess::Read};
use sha2::{Digest as _, Sha256};

use super::{
    Context, UserError,
    context::Verbosity,
    discovery,
    failure::{self, InvalidSpec},
    glance, special,
};
use crate::{
    bounded,
    plan::{self, Evidence, Loader, Overrides, Plan},
    protected::ProtectedPaths,
    schedule::listing,
    spec::{self, Diagnostics, Source, Spec},
    store::Store,
    track::Story,
};

/// Options of every command that reads a spec.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Overriding {
    /// Change a var, or any field of a stage: `lr=0.01`, `fit.epochs=5`
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Use a profile of the spec; the last one wins
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
    /// Let paths of the spec leave the project
    #[arg(long)]
    pub allow_outside: bool,
}

/// A spec as loaded.
pub struct Project {
    /// The spec's path as typed or found.
    pub spec: PathBuf,
    /// The spec's folder, absolute: the base of its paths.
    pub folder: PathBuf,
    /// Where its results are kept.
    pub store: PathBuf,
    /// What no out may replace.
    pub protected: ProtectedPaths,
    pub plan: Plan,
    /// Paths and globs of the project, relative to its folder, that the plan was made from.
    pub asked: Vec<String>,
    /// Files that the spec includes, relative to its folder.
    pub included: Vec<String>,
    /// What the spec says, with what it includes.
    pub content: Digest,
    pub has_warnings: bool,
}

impl Overriding {
    /// What the plan is to change.
    pub fn overrides(&self) -> Result<Overrides, UserError> {
        let split = |text: &String| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(UserError::usage(format!("`--set {text}` names no value"))
                .hint("write `--set NAME=VALUE`, as in `--set lr=0.01`")),
        };
        Ok(Overrides {
            profiles: self.profiles.clone(),
            set: self.set.iter().map(split).collect::<Result<_, _>>()?,
            allow_outside: self.allow_outside,
        })
    }
}

/// Finds, reads and resolves a spec; warnings are printed.
pub fn load(
    given: Option<&Path>,
    overriding: &Overriding,
    context: &Context,
) -> anyhow::Result<Project> {
    let spec = find_spec(given, context)?;
    let parsed = read(&spec, context)?;
    load_read(spec, parsed, overriding, context)
}

/// The same of a spec that was found and read.
pub fn load_read(
    spec: PathBuf,
    parsed: Parsed,
    overriding: &Overriding,
    context: &Context,
) -> anyhow::Result<Project> {
    let folder = folder_of(&spec, context)?;
    let overrides = overriding.overrides()?;
    let Resolved {
        plan,
        warnings,
        asked,
        included,
        content,
        protected,
    } = resolve_read(parsed, &spec, &folder, &overrides, context)?;
    if context.verbosity > Verbosity::Quiet && !warnings.is_empty() {
        failure::write_error(warnings.render(context.color_error).trim_end(), context);
    }
    let store = discovery::store_root(&spec, context);
    Ok(Project {
        spec,
        folder,
        store,
        protected,
        plan,
        asked,
        included,
        content,
        has_warnings: !warnings.is_empty(),
    })
}

/// The spec: as given, else that of this folder or of one above it in the project, else that of the last run.
pub fn find_spec(given: Option<&Path>, context: &Context) -> Result<PathBuf, UserError> {
    match (discovery::find_spec(given, context), given) {
        (Err(error), None) => last_spec(context).ok_or(error),
        (found, _) => found,
    }
}

/// The spec of the newest run in the store, if it is still there.
fn last_spec(context: &Context) -> Option<PathBuf> {
    let root = discovery::current_store_root(context);
    let store = Store::open_existing(&root).ok()?;
    let newest = store.runs().ok()?.into_iter().next()?;
    let story = Story::from_lines(&store.read_run(&newest).ok()?);
    let path = root.parent()?.join(&story.started?.spec);
    let path = path
        .strip_prefix(&context.folder)
        .map_or(path.clone(), Path::to_owned);
    path.is_file().then_some(path)
}

/// A plan, and what came up as it was made.
pub struct Resolved {
    pub plan: Plan,
    pub warnings: Diagnostics,
    /// Paths and globs that were looked at.
    pub asked: Vec<String>,
    /// Files that were included.
    pub included: Vec<String>,
    pub content: Digest,
    pub protected: ProtectedPaths,
}

/// The plan of a spec, with its warnings.
pub fn resolve(
    spec: &Path,
    folder: &Path,
    overrides: &Overrides,
    context: &Context,
) -> anyhow::Result<Resolved> {
    resolve_read(read(spec, context)?, spec, folder, overrides, context)
}

fn resolve_read(
    parsed: Parsed,
    spec: &Path,
    folder: &Path,
    overrides: &Overrides,
    context: &Context,
) -> anyhow::Result<Resolved> {
    let content = parsed.content;
    let files = Files {
        folder: folder.to_owned(),
        spec: context.folder.join(spec),
        store: discovery::store_root(spec, context),
        allow_outside: overrides.allow_outside,
        asked: RefCell::default(),
        included: RefCell::default(),
    };
    let (plan, warnings) = plan::resolve(parsed.spec, overrides, &files).map_err(InvalidSpec)?;
    let protected = files.protected_paths();
    let included = files.included.into_inner();
    Ok(Resolved {
        protected,
        plan,
        warnings,
        asked: files.asked.into_inner().into_iter().collect(),
        content: with_included(content, &included),
        included: included.into_keys().collect(),
    })
}

/// A spec as read.
pub struct Parsed {
    spec: Spec,
    /// What it says by itself.
    content: Digest,
}

/// Reads a spec.
pub fn read(spec: &Path, context: &Context) -> anyhow::Result<Parsed> {
    let bytes = bounded::read(spec).with_context(|| format!("cannot read {}", spec.display()))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        UserError::usage(format!("{} is not UTF-8 text", spec.display())).hint(
            "is it a spec? A text in another encoding is converted by, e.g., `iconv -t UTF-8`",
        )
    })?;
    let source = Source {
        path: context.display(spec),
        text,
    };
    let spec = spec::parse(source).map_err(InvalidSpec)?;
    Ok(Parsed {
        content: spec.root.content(),
        spec,
    })
}

/// What a spec says that includes these files of its folder; nothing where one cannot be read, or where something is wrong
/// with the spec.
pub fn content(parsed: &Parsed, folder: &Path, included: &[String]) -> Option<Digest> {
    if !parsed.spec.found.is_empty() {
        return None;
    }
    let included = included
        .iter()
        .map(|it| Some((it.clone(), bounded::read_to_string(&folder.join(it)).ok()?)));
    let included: BTreeMap<String, String> = included.collect::<Option<_>>()?;
    Some(with_included(parsed.content, &included))
}

/// Of an included file each byte counts.
fn with_included(content: Digest, included: &BTreeMap<String, String>) -> Digest {
    let mut hasher = Sha256::new_with_prefix(content.0);
    for text in included.iter().flat_map(|(path, text)| [path, text]) {
        hasher.update(Sha256::digest(text));
    }
    Digest(hasher.finalize().into())
}

/// The absolute folder of a spec.
pub fn folder_of(spec: &Path, context: &Context) -> anyhow::Result<PathBuf> {
    let path = context.folder.join(spec);
    let path = path
        .canonicalize()
        .with_context(|| format!("cannot find {}", spec.display()))?;
    Ok(path.parent().unwrap_or(Path::new("/")).to_owned())
}

/// The files of a spec's folder.
struct Files {
    folder: PathBuf,
    spec: PathBuf,
    store: PathBuf,
    allow_outside: bool,
    asked: RefCell<BTreeSet<String>>,
    /// By path, with what they hold.
    included: RefCell<BTreeMap<String, String>>,
}

impl Files {
    /// What no out may replace. Includes count once they were read.
    fn protected_paths(&self) -> ProtectedPaths {
        let root = discovery::project_root(&self.folder);
        let mut protected = ProtectedPaths::new(&self.folder, &root, self.allow_outside);
        protected.add(self.store.clone(), "the store");
        let beside = self.store.parent().unwrap_or(&root);
        for folder in [root.as_path(), beside] {
            protected.add(
                folder.join(discovery::REGISTRY_NAME),
                "the folder `registry`, which is reserved for a registry of models",
            );
        }
        protected.add(self.spec.clone(), "the spec");
        protected.add(
            self.folder.join(".pipe"),
            "the folder `.pipe`, which pipe keeps",
        );
        for path in self.included.borrow().keys() {
            let words = format!("`{path}`, which the spec includes");
            protected.add(self.folder.join(path), words);
        }
        protected
    }

    /// What is at a path or glob, as a run finds it.
    fn find(&self, path: &str) -> Vec<PathBuf> {
        self.asked.borrow_mut().insert(path.to_owned());
        listing::places(&self.folder, path)
    }

    /// The first of the files there.
    fn first_file(&self, path: &str) -> Option<PathBuf> {
        self.asked.borrow_mut().insert(path.to_owned());
        listing::first_file(&self.folder, path)
    }
}

impl Loader for Files {
    fn include(&self, path: &str) -> Result<String, String> {
        let text = bounded::read_to_string(&self.folder.join(path)).map_err(|it| it.to_string())?;
        let mut included = self.included.borrow_mut();
        included.insert(path.to_owned(), text.clone());
        Ok(text)
    }

    fn levels_up(&self) -> usize {
        let root = discovery::project_root(&self.folder);
        let below = self.folder.strip_prefix(root);
        below.map_or(0, |it| it.components().count())
    }

    fn protected(&self) -> Option<ProtectedPaths> {
        Some(self.protected_paths())
    }

    fn exists(&self, path: &str) -> bool {
        !self.find(path).is_empty()
    }

    fn special(&self, path: &str) -> Option<(PathBuf, &'static str)> {
        let mut places = self.find(path).into_iter();
        let (place, what) = places.find_map(|it| special::find(&it))?;
        let shown = place.strip_prefix(&self.folder).map(Path::to_owned);
        Some((shown.unwrap_or(place), what))
    }

    fn columns(&self, path: &str, read: &Read) -> Option<Vec<String>> {
        // What is wrong with the file is said when it is read.
        table::columns(&self.first_file(path)?, read)
    }

    fn evidence(&self, path: &str, read: &Read, column: &str) -> Option<Evidence> {
        glance::evidence(&self.first_file(path)?, read, column)
    }

    fn values(&self, path: &str, read: &Read, column: &str) -> Option<Vec<String>> {
        match self.find(path).as_slice() {
            [only] => glance::values(only, read, column),
            _ => None,
        }
    }
}
