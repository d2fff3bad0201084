//! Where the spec, the project and the store are, when the command line does not say. Reads no YAML.

use std::path::{Path, PathBuf};

use super::{Context, UserError};
use crate::store::Store;

/// Names of the spec that is meant when none is given.
pub const SPEC_NAMES: [&str; 2] = ["pipe.yaml", "pipe.yml"];
/// The default store's name in the project.
pub const STORE_NAME: &str = "artifacts";
/// The name in the project that is reserved for a registry.
pub const REGISTRY_NAME: &str = "registry";

/// The spec: as given, else `pipe.yaml` or `pipe.yml` in the folder, or in the nearest one above it that has one, as far as the
/// project goes.
pub fn find_spec(given: Option<&Path>, context: &Context) -> Result<PathBuf, UserError> {
    let Some(given) = given else {
        return spec_around(context).ok_or_else(|| {
            UserError::usage(format!(
                "no pipe.yaml or pipe.yml in {}",
                context.folder.display()
            ))
            .hint(
                "name a spec, as in `pipe run path/to/spec.yaml`, or write a first one with `pipe init`",
            )
        });
    };
    if given.is_dir() {
        return spec_in(given).ok_or_else(|| {
            UserError::usage(format!("no pipe.yaml or pipe.yml in {}", given.display()))
        });
    }
    if given.is_file() {
        return Ok(given.to_owned());
    }
    Err(UserError::usage(format!(
        "there is no spec at {}",
        given.display()
    )))
}

/// The project that a folder belongs to: the nearest ancestor with `.git` or a store, else the folder itself.
pub fn project_root(folder: &Path) -> PathBuf {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder
        .ancestors()
        .find(|it| it.join(".git").exists() || Store::is_at(&it.join(STORE_NAME)))
        .unwrap_or(&folder)
        .to_owned()
}

/// The store of a spec: `--store` or `PIPE_STORE`, else `artifacts` in the spec's project.
pub fn store_root(spec: &Path, context: &Context) -> PathBuf {
    store_of(
        spec.parent().filter(|it| !it.as_os_str().is_empty()),
        context,
    )
}

/// The store where no spec is named: that of the current folder's project.
pub fn current_store_root(context: &Context) -> PathBuf {
    store_of(None, context)
}

/// The spec of the current folder, or of the nearest one above it in its project.
fn spec_around(context: &Context) -> Option<PathBuf> {
    let root = project_root(&context.folder);
    for folder in context.folder.ancestors() {
        if let Some(spec) = spec_in(folder) {
            return Some(spec);
        }
        if folder.canonicalize().ok()? == root {
            break;
        }
    }
    None
}

/// How a run's log names the spec: relative to the folder that the store lies in, so that it is found again.
pub fn recorded_spec(spec: &Path, store: &Path, context: &Context) -> String {
    let path = context.folder.join(spec);
    let path = path.canonicalize().unwrap_or(path);
    let base = store
        .parent()
        .and_then(|it| it.canonicalize().ok())
        .unwrap_or_default();
    path.strip_prefix(&base)
        .unwrap_or(&path)
        .display()
        .to_string()
}

fn store_of(folder: Option<&Path>, context: &Context) -> PathBuf {
    match &context.store {
        Some(store) => context.folder.join(store),
        None => {
            project_root(&context.folder.join(folder.unwrap_or(Path::new("")))).join(STORE_NAME)
        }
    }
}

fn spec_in(folder: &Path) -> Option<PathBuf> {
    SPEC_NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|it| it.is_file())
}
