//! Paths that stages write and others read make edges too; with these the stages are put together. Asks the loader.

use std::path::PathBuf;

use foldhash::HashMap;
use pipe_schema::stage::Task;

use super::{Resolved, Resolver, circle_error};
use crate::{
    plan::{
        Stage, Stages,
        files::{self, Files, Producers},
        order::order,
        paths, script, target,
    },
    spec::{Diagnostic, Span},
};

impl Resolver<'_> {
    /// Wires the paths, and puts the stages in the order of the spec.
    pub(super) fn finish(mut self) -> Resolved {
        let facts = std::mem::take(&mut self.facts);
        let built = std::mem::take(&mut self.built);
        let ids: Vec<&str> = facts.iter().flatten().map(|it| it.id.as_str()).collect();
        let by_id: HashMap<&str, usize> = ids.iter().enumerate().map(|(i, it)| (*it, i)).collect();
        let mut stages = Vec::with_capacity(ids.len());
        let mut files = Vec::with_capacity(ids.len());
        for it in built.into_iter().flatten() {
            stages.push(it.stage);
            files.push(it.files);
        }
        let all: Vec<(&str, &Files)> = ids.iter().copied().zip(&files).collect();
        self.check_outs(&all);
        self.check_scripts(&stages, &files);
        let producers = Producers::new(&all, self.found);
        let mut afters: Vec<Vec<(usize, Span)>> = vec![Vec::new(); all.len()];
        for (i, (id, files)) in all.iter().enumerate() {
            for (input, span) in &files.reads {
                let writers = match input.remote {
                    Some(_) => Vec::new(),
                    None => producers.of(&input.path),
                };
                if writers.contains(&i) {
                    self.found.push(
                        Diagnostic::error(format!("`{id}` reads what it writes")).at(
                            *span,
                            format!("`{}` is an out of the same stage", input.path),
                        ),
                    );
                } else if writers.is_empty() {
                    files::check_exists(input, *span, self.loader, self.found);
                }
                afters[i].extend(
                    writers
                        .into_iter()
                        .filter(|it| *it != i)
                        .map(|it| (it, *span)),
                );
            }
        }
        let mut resolved: Stages =
            Stages::with_capacity_and_hasher(stages.len(), foldhash::fast::RandomState::default());
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
        for (i, (stage, files)) in stages.into_iter().zip(files).enumerate() {
            let Some(mut stage) = stage else { continue };
            stage.files = files.reads.into_iter().map(|it| it.0).collect();
            stage.outs = files.writes.into_iter().map(|it| it.0).collect();
            for (writer, _) in &afters[i] {
                if !stage.after.iter().any(|it| it == ids[*writer]) {
                    stage.after.push(ids[*writer].to_owned());
                }
            }
            needs[i] = stage
                .predecessors()
                .filter_map(|it| by_id.get(it.as_str()).copied())
                .collect();
            resolved.insert(ids[i].to_owned(), stage);
        }
        let has_paths = afters.iter().any(|it| !it.is_empty());
        let (_, circles) = if has_paths {
            order(ids.len(), |it| &needs[it])
        } else {
            (Vec::new(), Vec::new())
        };
        for circle in circles {
            let links = (0..circle.len()).filter_map(|i| {
                let (from, to) = (circle[i], circle[(i + 1) % circle.len()]);
                let by_path = afters[from].iter().find(|it| it.0 == to).map(|it| it.1);
                let span = by_path.or_else(|| self.span_of(ids[from]))?;
                Some((ids[from], ids[to], span))
            });
            // Circles of references alone are known already.
            let is_by_path = (0..circle.len()).any(|i| {
                let to = circle[(i + 1) % circle.len()];
                afters[circle[i]].iter().any(|it| it.0 == to)
            });
            if is_by_path {
                let error = circle_error(links.collect());
                self.found.push(error);
            }
        }
        target::settle(&mut resolved, &facts);
        Resolved {
            stages: resolved,
            facts,
            places: self.places,
        }
    }

    /// Refuses outs that would take away what their own stage runs.
    fn check_scripts(&mut self, stages: &[Option<Box<Stage>>], files: &[Files]) {
        for (stage, files) in stages.iter().zip(files) {
            let Some(Task::Command(command)) = stage.as_ref().map(|it| &it.task) else {
                continue;
            };
            let wdir = command.wdir.as_deref().unwrap_or_default();
            let folder = paths::join("", wdir, self.levels).unwrap_or_default();
            let folder = if folder == "." { "" } else { &folder };
            for (path, span) in &files.writes {
                if let Some(harm) = script::harm(command, folder, path) {
                    let error = Diagnostic::error(format!("`{path}` cannot be an out: it {harm}"))
                        .at(*span, "removed before the command runs")
                        .hint("name a file or folder that the stage alone writes");
                    if self.said.insert((Some(*span), error.title.clone())) {
                        self.found.push(error);
                    }
                }
            }
        }
    }

    /// Refuses outs that would replace what is not a stage's, and outs that are one file by two names.
    fn check_outs(&mut self, all: &[(&str, &Files)]) {
        let has_outs = all.iter().any(|(_, files)| !files.writes.is_empty());
        let Some(protected) = has_outs.then(|| self.loader.protected()).flatten() else {
            return;
        };
        let check = protected.look();
        let mut owners: HashMap<PathBuf, &str> = HashMap::default();
        for (path, span) in all.iter().flat_map(|(_, files)| &files.writes) {
            let error = match check.quick(path) {
                Ok(place) => {
                    let other = *owners.entry(place).or_insert(path.as_str());
                    if other == path {
                        continue;
                    }
                    Diagnostic::error(format!("`{path}` and `{other}` are one file"))
                        .at(*span, "through a link")
                        .hint("each out belongs to one stage, under one name")
                }
                Err(refusal) => {
                    let title = format!("`{path}` cannot be an out: it {}", refusal.reason);
                    Diagnostic::error(title)
                        .at(*span, "not a stage's to replace")
                        .hint(refusal.hint)
                }
            };
            if self.said.insert((Some(*span), error.title.clone())) {
                self.found.push(error);
            }
        }
    }

    fn span_of(&self, id: &str) -> Option<Span> {
        let name = id.split('@').next()?;
        self.by_name.get(name).map(|it| self.drafts[*it].span)
    }
}
