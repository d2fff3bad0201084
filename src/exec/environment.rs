//! What processes see of the machine. Knows no stage.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Variables that every process gets with the host's values. What a key does not see, a stage does not see,
/// but for these: without them hardly a program works, and none of them should change what a program computes.
const PASSED: [&str; 5] = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR"];
/// Variables that every process gets with these values: words, order and numbers of one language, no colours in logs,
/// and no compiled files, which hold times, beside sources and among outputs.
const FIXED: [(&str, &str); 3] = [
    ("LANG", "C.UTF-8"),
    ("TERM", "dumb"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
];
/// What the worker gets besides, to find its libraries and devices; its environment class stands for them in the key.
const WORKER: [&str; 2] = ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"];
/// What a process that fetches files gets besides: the way out, and whom to trust.
const FETCHER: [&str; 10] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The environment that pipe itself was started with.
#[derive(Clone, Debug, Default)]
pub struct Host {
    variables: BTreeMap<OsString, OsString>,
}

impl Host {
    pub fn new(variables: BTreeMap<OsString, OsString>) -> Self {
        Self { variables }
    }

    /// A variable's value, where it is set and is text.
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables
            .get(&OsString::from(name))
            .and_then(|value| value.to_str())
            .map(str::to_owned)
    }

    /// What every command sees.
    pub fn base(&self) -> Vec<(String, String)> {
        let passed = self.pick(&PASSED);
        let fixed = FIXED
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        passed.chain(fixed).collect()
    }

    /// What every worker sees.
    pub fn worker_base(&self) -> Vec<(String, String)> {
        self.base().into_iter().chain(self.pick(&WORKER)).collect()
    }

    /// What a process that fetches files sees.
    pub fn fetcher_base(&self) -> Vec<(String, String)> {
        self.base().into_iter().chain(self.pick(&FETCHER)).collect()
    }

    /// The program that a shell would start for `name`, which may be a path relative to `folder`. All places are tried with
    /// `is_program`.
    pub fn find_program(
        &self,
        name: &str,
        folder: &Path,
        is_program: impl Fn(&Path) -> bool,
    ) -> Option<PathBuf> {
        let is_found = |path: &PathBuf| is_program(path);
        if name.contains('/') {
            return Some(folder.join(name)).filter(is_found);
        }
        let path = self.get("PATH")?;
        path.split(':')
            .filter(|it| !it.is_empty())
            .map(|it| folder.join(it).join(name))
            .find(is_found)
    }

    /// The machine's bash, in an absolute folder of PATH: what lies in the project is not meant.
    pub fn bash(&self) -> Option<PathBuf> {
        let path = self.get("PATH")?;
        let folders = path.split(':').filter(|folder| folder.starts_with('/'));
        let mut places = folders.map(|folder| Path::new(folder).join("bash"));
        places.find(|place| is_program(place))
    }

    fn pick<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (String, String)> + 'a {
        names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.get(name)?)))
    }
}

/// Whether there is a file that this process may execute.
pub fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
