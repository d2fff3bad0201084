//! A project in which a history happens: its spec, its sources, its store and what is done to them by hand.
//! Compares each run with the model's forecast, and with what `pipe` itself said of it before.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    foresight::Foresight,
    harm::damage,
    history_spec::{LARGE, spec_of},
    model::{Act, BAD_SALT, Blow, Forecast, Form, Harm, History, Model, SOURCES, Struck},
    project::Project,
    scenes::told,
};

/// Longer than any run of a history takes, however slow the machine is.
const LIMIT: Duration = Duration::from_mins(1);

/// As long as the coarsest clock of a kernel stands still.
const TICK: Duration = Duration::from_millis(11);

/// Forecasts of runs that were asked and compared.
pub static FORECASTS: AtomicU64 = AtomicU64::new(0);

pub struct World {
    project: Project,
    model: Model,
    /// How many forecasts were asked.
    asked: usize,
    /// Whether something happened after which a stage's own bytes in the workspace may be taken for the user's.
    is_harmed: bool,
}

impl World {
    pub fn new(history: &History) -> Self {
        let mut model = Model::default();
        model.stages.clone_from(&history.stages);
        let world = Self {
            project: Project::new(),
            model,
            asked: 0,
            is_harmed: false,
        };
        for source in 0..SOURCES {
            world.write_source(source);
        }
        world.write_spec();
        world
    }

    /// Lets something happen; says what is not as it must be.
    pub fn act(&mut self, act: &Act) -> Result<(), String> {
        let count = self.model.stages.len();
        let at = |stage: u8| usize::from(stage) % count;
        match *act {
            Act::Edit { source, text } => {
                self.model.sources[usize::from(source) % SOURCES] = text;
                self.write_source(usize::from(source) % SOURCES);
            }
            Act::Touch { source } => self.write_source(usize::from(source) % SOURCES),
            Act::Salt { stage, salt } => {
                self.model.stages[at(stage)].salt = salt;
                self.write_spec();
            }
            Act::Wire { stage, inputs } => {
                self.model.stages[at(stage)].inputs = inputs;
                self.write_spec();
            }
            Act::Run { target, jobs } => return self.run(target, jobs),
            Act::Rework {
                stage,
                salt,
                inputs,
            } => {
                self.run(None, 1)?;
                // Files that were written within this tick of the clock would not be trusted.
                thread::sleep(TICK);
                self.run(None, 1)?;
                let edited = &mut self.model.stages[at(stage)];
                edited.salt = salt;
                edited.inputs = inputs.unwrap_or(edited.inputs);
                self.write_spec();
                return self.run(None, 1);
            }
            Act::Gc { keep } => {
                if self.has_store() {
                    let keep = keep.to_string();
                    let output = self.pipe(&["gc", "--keep-runs", &keep], None)?;
                    if !output.status.success() {
                        return Err(told(&output));
                    }
                    self.model.note_gc();
                }
            }
            Act::Verify => {
                if self.has_store() {
                    let output = self.pipe(&["verify"], None)?;
                    if !matches!(output.status.code(), Some(0 | 1)) {
                        return Err(told(&output));
                    }
                }
            }
            Act::Strike {
                command,
                blow,
                step,
            } => return self.strike(command, blow, step),
            Act::Damage { object, harm } => self.damage(object, harm),
            Act::LoseOut { stage } => {
                let _ = fs::remove_file(self.out(at(stage)));
            }
        }
        Ok(())
    }

    /// Whatever happened: the next run ends well, the store is whole, and there is nothing to do then.
    pub fn end(&mut self) -> Result<(), String> {
        for stage in &mut self.model.stages {
            if stage.salt == BAD_SALT {
                stage.salt = 0;
            }
        }
        self.write_spec();
        self.run(None, 2)?;
        let mut verify = self.pipe(&["verify"], None)?;
        // It sets aside what no run needed any more; what a journal set aside had, comes back from the logs and counts once.
        for _ in 0..2 {
            let is_recovered = told(&verify).contains("lost with a journal");
            if !verify.status.success() && (self.is_harmed || is_recovered) {
                verify = self.pipe(&["verify"], None)?;
            }
        }
        if !verify.status.success() {
            return Err(told(&verify));
        }
        self.run(None, 1)?;
        for folder in ["tmp", "roots"] {
            let left = fs::read_dir(self.project.path("artifacts").join(folder)).unwrap();
            let left: Vec<_> = left.flatten().map(|it| it.file_name()).collect();
            if !left.is_empty() {
                return Err(format!("left in {folder}: {left:?}"));
            }
        }
        Ok(())
    }

    fn run(&mut self, target: Option<u8>, jobs: u8) -> Result<(), String> {
        let foresight = self.ask(target)?;
        let forecast = self.model.forecast(target);
        let words = self.words(target, jobs);
        let _ = fs::remove_file(self.journal());
        let output = self.pipe(&words, None)?;
        if output.status.code() != Some(i32::from(!forecast.is_good)) {
            return Err(format!("{forecast:?}\n{}", told(&output)));
        }
        foresight
            .compare(&self.model, &self.ran())
            .and_then(|()| self.compare(&forecast))
            .map_err(|error| format!("{error}\n{foresight:?}\n{forecast:?}\n{}", told(&output)))?;
        FORECASTS.fetch_add(1, Ordering::Relaxed);
        self.model.note_run(&forecast);
        Ok(())
    }

    /// What `pipe` says a run would do, by one of the commands that say it.
    fn ask(&mut self, target: Option<u8>) -> Result<Foresight, String> {
        let named: Vec<String> = match (self.asked % 3, target) {
            (2, _) => self
                .model
                .selection(target)
                .iter()
                .map(|it| format!("s{it}"))
                .collect(),
            (_, target) => (target.iter())
                .map(|it| format!("s{}", usize::from(*it) % self.model.stages.len()))
                .collect(),
        };
        let mut words = match self.asked % 3 {
            0 => vec!["status", "--format", "json"],
            1 => vec!["run", "--dry-run", "--format", "json"],
            _ => vec!["explain", "--format", "json"],
        };
        words.extend(named.iter().map(String::as_str));
        self.asked += 1;
        let output = self.pipe(&words, None)?;
        if !output.status.success() {
            return Err(format!("{words:?}\n{}", told(&output)));
        }
        Foresight::read(&output.stdout).map_err(|error| format!("{error}\n{}", told(&output)))
    }

    /// The stages whose commands ran, each with its salt.
    fn ran(&self) -> Vec<(usize, u8)> {
        let journal = fs::read_to_string(self.journal()).unwrap_or_default();
        let line = |line: &str| {
            let (stage, salt) = line.split_once(' ').unwrap();
            let stage = stage.strip_prefix('s').unwrap();
            (stage.parse().unwrap(), salt.parse().unwrap())
        };
        journal.lines().map(line).collect()
    }

    fn compare(&self, forecast: &Forecast) -> Result<(), String> {
        let mut runs: BTreeMap<u8, usize> = BTreeMap::new();
        for (_, salt) in self.ran() {
            *runs.entry(salt).or_default() += 1;
        }
        for salt in 0..=BAD_SALT {
            let (least, most) = forecast.runs.get(&salt).copied().unwrap_or_default();
            let count = runs.get(&salt).copied().unwrap_or_default();
            if !(least..=most).contains(&count) {
                return Err(format!(
                    "commands of salt {salt} ran {count} times, not {least} to {most}"
                ));
            }
        }
        for (stage, content) in &forecast.contents {
            let Some(content) = content else { continue };
            let form = self.model.stages[*stage].form;
            let mut places = vec![(
                self.project.path(&format!("artifacts/current/s{stage}/o")),
                0,
            )];
            if form.has_out() {
                let more = if form == Form::Large { LARGE } else { 0 };
                places.push((self.out(*stage), more));
            }
            for (place, more) in places {
                let found = fs::read_to_string(&place).unwrap_or_default();
                if found.trim_end_matches('\0') != *content || found.len() != content.len() + more {
                    let place = place.display();
                    return Err(format!("{place} is `{found}`, not `{content}`"));
                }
            }
        }
        Ok(())
    }

    fn strike(&mut self, command: Struck, blow: Blow, step: u16) -> Result<(), String> {
        let store = self.project.path("artifacts");
        if command != Struck::Run && !self.has_store() {
            return Ok(());
        }
        let plan = match blow {
            Blow::Kill => format!("kill {step}"),
            Blow::Power => format!("power {step} {}", store.display()),
            Blow::Full => format!("ENOSPC {step}+"),
            Blow::Broken => format!("EIO {step}"),
            Blow::NoFiles => format!("EMFILE {step}+"),
        };
        let run = self.words(None, 2);
        let words: &[&str] = match command {
            Struck::Run => &run,
            Struck::Gc => &["gc", "--keep-runs", "1"],
            Struck::Verify => &["verify"],
        };
        let output = self.pipe(words, Some(&plan))?;
        if blow == Blow::Power {
            self.project.wait_for_jobs();
        }
        let is_killed = matches!(blow, Blow::Kill | Blow::Power) && output.status.code().is_none();
        if !is_killed && !matches!(output.status.code(), Some(0 | 1)) {
            return Err(format!("{plan}: {}", told(&output)));
        }
        match command {
            Struck::Run => {
                let forecast = self.model.forecast(None);
                self.model.note_broken_run(&forecast);
            }
            Struck::Gc => self.model.note_gc(),
            Struck::Verify => {}
        }
        self.wait_for_its_commands();
        Ok(())
    }

    /// What a killed run started ends soon after it, but may still write into the journal.
    fn wait_for_its_commands(&self) {
        let folder = self.project.path("");
        // The supervisor works elsewhere, and has our standard error.
        let printed = folder.join(".git/printed");
        let is_here = |pid: &Path| {
            let leads =
                |name: &str, to: &Path| fs::read_link(pid.join(name)).is_ok_and(|it| it == to);
            leads("cwd", &folder) || leads("fd/2", &printed)
        };
        let begin = Instant::now();
        while fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .any(|it| is_here(&it.path()))
        {
            assert!(begin.elapsed() < LIMIT, "a killed run's processes live on");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn damage(&mut self, object: u8, harm: Harm) {
        damage(&self.project.path("artifacts"), object, harm);
        if !harm.is_harmless() {
            self.is_harmed = true;
            self.model.note_damage();
        }
    }

    fn words(&self, target: Option<u8>, jobs: u8) -> Vec<&'static str> {
        const NAMES: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];
        const JOBS: [&str; 4] = ["1", "1", "2", "3"];
        let mut words = vec!["run", "--keep-going", "--jobs", JOBS[usize::from(jobs) % 4]];
        // Who is shown nothing is not told of stages that an edit left alone, and they are not looked at.
        if jobs != 2 {
            words.push("--quiet");
        }
        words.extend(target.map(|it| NAMES[usize::from(it) % self.model.stages.len()]));
        words
    }

    /// Runs `pipe`, which must come to an end.
    fn pipe(&self, words: &[&str], fault: Option<&str>) -> Result<Output, String> {
        let mut command = self.project.command(words);
        let printed = self.project.path(".git/printed");
        let file = File::create(&printed).unwrap();
        command
            .stdout(Stdio::from(file.try_clone().unwrap()))
            .stderr(Stdio::from(file));
        if let Some(fault) = fault {
            command.env("PIPE_FAULT", fault);
        }
        let mut child = command.spawn().unwrap();
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begin.elapsed() > LIMIT {
                child.kill().unwrap();
                child.wait().unwrap();
                let printed = fs::read_to_string(&printed).unwrap();
                return Err(format!("pipe {words:?} with {fault:?} hangs\n{printed}"));
            }
            thread::sleep(Duration::from_millis(1));
        };
        Ok(Output {
            status,
            stdout: fs::read(&printed).unwrap(),
            stderr: Vec::new(),
        })
    }

    fn write_source(&self, source: usize) {
        self.project
            .write(&format!("f{source}"), &self.model.text(source));
    }

    fn has_store(&self) -> bool {
        self.project.path("artifacts/VERSION").exists()
    }

    fn out(&self, stage: usize) -> PathBuf {
        self.project.path(&format!("s{stage}.out"))
    }

    /// Outside of what pipe looks at.
    fn journal(&self) -> PathBuf {
        self.project.path(".git/journal")
    }

    fn write_spec(&self) {
        self.project.write("pipe.yaml", &spec_of(&self.model));
    }
}
