//! What preprocessing a CSV file costs beside only reading it with the csv crate and parsing its numbers.
//!
//! `make bench-tables`, or `cargo bench -p pipe-data --bench csv -- MEGABYTES ROUNDS`. Each round runs every task once, in a process of its own; told are
//! medians of CPU seconds, MB/s of CPU time, the ratio to the csv crate and the largest memory.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
};

use pipe_data::{Files, preprocess};
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The tables that are tried.
const TABLES: [&str; 3] = ["numbers", "mixed", "dates"];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["task", task, table, path] = given[..] {
        return run(task, table, Path::new(path));
    }
    let number = |at: usize, default: usize| given.get(at).map_or(Ok(default), |it| it.parse());
    let (megabytes, rounds) = (number(0, 100)?, number(1, 5)?);
    let folder = tempfile::tempdir()?;
    for table in TABLES {
        let path = folder.path().join(format!("{table}.csv"));
        write(table, &path, megabytes * 1_000_000)?;
        compare(table, &path, rounds.max(1))?;
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Runs the tasks in turn and prints a line each.
fn compare(table: &str, path: &Path, rounds: usize) -> Outcome<()> {
    let size = fs::metadata(path)?.len() as f64 / 1e6;
    let tasks = ["csv", "preprocess"];
    let mut seconds = vec![Vec::new(); tasks.len()];
    let mut memory = vec![0_f64; tasks.len()];
    for _ in 0..rounds {
        for (at, task) in tasks.iter().enumerate() {
            let told = Command::new(env::current_exe()?)
                .args(["task", task, table])
                .arg(path)
                .output()?;
            if !told.status.success() {
                return Err(String::from_utf8_lossy(&told.stderr).into());
            }
            let text = String::from_utf8(told.stdout)?;
            let figures: Vec<f64> = text
                .split_whitespace()
                .filter_map(|it| it.parse().ok())
                .collect();
            let &[cpu, peak] = &figures[..] else {
                return Err(format!("{task} told {text:?}").into());
            };
            seconds[at].push(cpu);
            memory[at] = memory[at].max(peak);
        }
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let medians: Vec<f64> = seconds.iter_mut().map(median).collect();
    for (at, task) in tasks.iter().enumerate() {
        println!(
            "{table:<8} {size:.0} MB  {task:<10}  {:.2} s CPU  {:.0} MB/s  {:.2}x  {:.0} MB",
            medians[at],
            size / medians[at],
            medians[at] / medians[0],
            memory[at]
        );
    }
    Ok(())
}

/// Does one task and prints its CPU seconds and its peak memory in MB.
fn run(task: &str, table: &str, path: &Path) -> Outcome<()> {
    match task {
        "csv" => read_with_csv(path)?,
        _ => prepare(table, path)?,
    }
    let stat = fs::read_to_string("/proc/self/stat")?;
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|it| it.parse::<u64>().ok())
        .sum();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak: f64 = status
        .lines()
        .find_map(|it| it.strip_prefix("VmHWM:"))
        .and_then(|it| it.trim().strip_suffix(" kB"))
        .ok_or("no VmHWM")?
        .parse()?;
    // Linux tells these times in ticks of 10 ms.
    println!("{} {}", ticks as f64 / 100.0, peak / 1000.0);
    Ok(())
}

/// The least that any reader does: find the fields, parse those that are numbers.
fn read_with_csv(path: &Path) -> Outcome<()> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let mut sum = 0.0;
    while reader.read_byte_record(&mut record)? {
        for field in &record {
            sum += fast_float2::parse::<f64, _>(field).unwrap_or(1.0);
        }
    }
    std::hint::black_box(sum);
    Ok(())
}

/// The whole stage: read, infer, split, fit, write.
fn prepare(table: &str, path: &Path) -> Outcome<()> {
    let steps = match table {
        "numbers" => json!([{"standardize": {}}]),
        "mixed" => json!([{"one_hot": {}}, {"standardize": {}}]),
        _ => json!([{"datetime_parts": {"columns": ["at"]}}, {"standardize": {}}]),
    };
    let block = serde_json::from_value(json!({
        "source": {"csv": path}, "target": "y", "steps": steps,
        "split": {"random": {"train": 0.8, "val": 0.1, "test": 0.1}},
    }))?;
    let out = tempfile::tempdir_in(path.parent().ok_or("no folder")?)?;
    let files = Files {
        source: vec![path.to_owned()],
        ..Files::default()
    };
    preprocess(&block, &files, out.path(), &mut |_| ()).map_err(|it| it.to_string())?;
    Ok(())
}

/// Writes a table of about so many bytes; the same bytes each time.
fn write(table: &str, path: &Path, size: usize) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let columns = 12;
    let mut header: Vec<String> = (0..columns).map(|it| format!("x{it}")).collect();
    match table {
        "mixed" => header.extend(["city", "kind", "who"].map(str::to_owned)),
        "dates" => header.push("at".to_owned()),
        _ => {}
    }
    writeln!(file, "{},y", header.join(","))?;
    let mut state = 1_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut written = 0;
    let mut line = String::new();
    while written < size {
        line.clear();
        for _ in 0..columns {
            let (whole, part) = (draw(2000), draw(10_000));
            write!(line, "{}.{part:04},", whole as i64 - 1000)?;
        }
        match table {
            "mixed" => write!(
                line,
                "city {},kind{},\"who, {}\",",
                draw(40),
                draw(7),
                draw(12)
            )?,
            "dates" => write!(
                line,
                "20{:02}-{:02}-{:02} {:02}:{:02}:00,",
                draw(25),
                draw(12) + 1,
                draw(28) + 1,
                draw(24),
                draw(60)
            )?,
            _ => {}
        }
        writeln!(line, "{}.5", draw(100_000))?;
        file.write_all(line.as_bytes())?;
        written += line.len();
    }
    Ok(file.flush()?)
}
