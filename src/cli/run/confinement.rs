//! What commands are kept from reading: the options, and what they mean. Keeps nobody from anything itself.

use std::path::PathBuf;

use super::super::{Context, UserError, context::Verbosity, failure, quote};
use crate::exec::local::fence;

/// Whether commands run in a sandbox.
#[derive(clap::Args)]
pub struct Confinement {
    /// Let commands read only what their stages declare, and the system's and their interpreters' folders
    #[arg(long, env = "PIPE_SANDBOX", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true)]
    sandbox: bool,
    /// Let commands in a sandbox read this, too; may be given more than once
    #[arg(long, value_name = "PATH", requires = "sandbox")]
    allow_read: Vec<PathBuf>,
}

impl Confinement {
    /// What commands may read besides what they declare; None where they may read all. Says so where the kernel cannot keep
    /// them from the rest.
    pub fn reads(&self, context: &Context) -> Result<Option<Vec<PathBuf>>, UserError> {
        if !self.sandbox {
            return Ok(None);
        }
        let mut reads = Vec::new();
        for path in &self.allow_read {
            let whole = context.folder.join(path).canonicalize();
            reads.push(whole.map_err(|error| {
                UserError::usage(format!("`--allow-read {}`: {error}", path.display()))
                    .hint("name a file or folder that is there")
            })?);
        }
        if !fence::is_supported() && context.verbosity > Verbosity::Quiet {
            failure::warn(
                "this kernel has no Landlock: commands can read what is not declared if they name it by its whole path",
                "by relative paths they find only what is declared",
                context,
            );
        }
        Ok(Some(reads))
    }

    /// The same as words of a command line, each followed by a space.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if self.sandbox {
            words.push("--sandbox ".to_owned());
        }
        for path in &self.allow_read {
            let path = path.display().to_string();
            let path = quote::shell(&path);
            words.push(format!("--allow-read {path} "));
        }
        words.concat()
    }
}
