//! Pages of real runs, drawn by Chromium at a desk's and a phone's width, in light and dark. Without Chromium these tests
//! are left out, or fail if `PIPE_TEST_STRICT` is set, as in CI. The pictures stay in `target/tmp/pages`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{left_out, project::Project, workers};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const WIDTHS: [u32; 2] = [1280, 390];
const LONG: &str = "a_stage_whose_name_is_longer_than_any_box_in_the_graph_can_hold";

/// Says what it sees of the page that it is put into, to the page around it.
const PROBE: &str = r#"<script>
const blocked = [];
addEventListener("securitypolicyviolation", it => blocked.push(it.blockedURI));
addEventListener("load", async () => {
  const colours = [];
  for (const image of document.images) {
    image.loading = "eager";
    await image.decode().catch(() => 0);
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    if (!canvas.width) { colours.push(0); continue; }
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    colours.push(new Set(new Uint32Array(data.buffer)).size);
  }
  const root = document.documentElement;
  const boxes = [...document.querySelectorAll("svg .box")];
  const isOutside = text => {
    const [inner, outer] = [text, text.closest(".node").querySelector(".box")].map(it => it.getBoundingClientRect());
    return inner.left < outer.left || inner.right > outer.right || inner.top < outer.top || inner.bottom > outer.bottom;
  };
  const spilt = [...document.querySelectorAll("svg .node p")].filter(isOutside).length;
  const hidden = [...document.querySelectorAll("section")].filter(it => it.getBoundingClientRect().height < 60).length;
  const loaded = performance.getEntriesByType("resource").filter(it => !it.name.startsWith("data:"));
  parent.postMessage([innerWidth, root.scrollWidth, root.scrollHeight, blocked.length, loaded.length,
    boxes.length, spilt, hidden, document.querySelectorAll("svg .edge").length, colours.join(" ")].join(","), "*");
});
</script>"#;

/// What the probe saw.
struct Seen {
    width: u32,
    scroll_width: u32,
    height: u32,
    blocked: u32,
    loaded: u32,
    boxes: u32,
    /// Texts of the graph that do not fit their boxes.
    spilt: u32,
    /// Sections that show nothing.
    hidden: u32,
    edges: u32,
    /// Distinct colours of each picture.
    colours: Vec<u32>,
}

fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut programs =
        std::env::split_paths(&folders).flat_map(|it| NAMES.map(|name| it.join(name)));
    let found = programs.find(|it| it.is_file());
    if found.is_none() {
        left_out::for_lack_of_tool(
            "pages",
            "there is no Chromium, so no page was looked at",
            "apt-get install chromium on Debian",
        );
    }
    found
}

fn browse(chromium: &Path, page: &Path, size: (u32, u32), more: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let done = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args(["--disable-sync", "--no-first-run", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={},{}", size.0, size.1))
        .args(more)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |it: Vec<u8>| String::from_utf8_lossy(&it).into_owned();
    (text(done.stdout), text(done.stderr))
}

/// A page around another: no window is as narrow as a phone.
fn frame(folder: &Path, inner: &str, width: u32, height: u32) -> PathBuf {
    let path = folder.join(format!("frame-{width}-{inner}"));
    let text = format!(
        "<!doctype html><meta charset=utf-8><body style=\"margin:0\">\
         <script>addEventListener('message', it => document.title = it.data)</script>\
         <iframe src=\"{inner}\" style=\"border:0;width:{width}px;height:{height}px\"></iframe>"
    );
    fs::write(&path, text).unwrap();
    path
}

fn look(chromium: &Path, folder: &Path, html: &str, width: u32) -> Seen {
    let closed = "style-src 'unsafe-inline'\">";
    assert!(html.contains(closed), "the page lets nothing in");
    let open = format!("style-src 'unsafe-inline'; script-src 'unsafe-inline'\">{PROBE}");
    fs::write(folder.join("probe.html"), html.replace(closed, &open)).unwrap();
    let page = frame(folder, "probe.html", width, 900);
    let (dom, log) = browse(chromium, &page, (width.max(500), 900), &["--dump-dom"]);
    assert!(!log.contains("CONSOLE"), "{log}");
    let title = dom
        .split_once("<title>")
        .and_then(|it| it.1.split_once("</title>"))
        .unwrap_or_else(|| panic!("nothing was seen\n{dom}\n{log}"));
    let mut words = title.0.split(',');
    let mut number = || words.next().unwrap().parse().unwrap();
    Seen {
        width: number(),
        scroll_width: number(),
        height: number(),
        blocked: number(),
        loaded: number(),
        boxes: number(),
        spilt: number(),
        hidden: number(),
        edges: number(),
        colours: words
            .next()
            .unwrap()
            .split(' ')
            .map(|it| it.parse().unwrap())
            .collect(),
    }
}

fn rows() -> String {
    let mut rows = "größe,city,kind,price\n".to_owned();
    for i in 0..240_u32 {
        let city = ["Reykjavík", "São Paulo", "東京", ""][(i * 7 % 11 % 4) as usize];
        let kind = ["a <b> & c", "d"][usize::from((i * 7 % 50 + i % 3 * 10) > 30)];
        let (size, price) = (i * 7 % 50, 100 + i * 7 % 50 * 3 + i % 5);
        writeln!(rows, "{size},{city},{kind},{price}.5").unwrap();
    }
    rows
}

fn spec(more: &str) -> String {
    let steps = "steps: [standardize, {impute: {columns: categorical, strategy: constant, value: none}}, one_hot]";
    let data = |name: &str, target: &str, other: &str| {
        format!(
            "  {name}:\n    preprocess: {{source: {{csv: rows.csv}}, target: {target}, steps: [{{drop: {{columns: [{other}]}}}}, {}]}}\n",
            steps.trim_start_matches("steps: [").trim_end_matches(']')
        )
    };
    format!(
        "version: 1\nname: pages\nvars: {{epochs: 3}}\nstages:\n{}{}\
         \x20 fit:\n    matrix: {{hidden: [4, 8]}}\n    train: {{data: kinds, model: {{mlp: {{hidden: [\"${{matrix.hidden}}\"]}}}}, loss: cross_entropy, epochs: \"${{epochs}}\"}}\n\
         \x20 {LONG}:\n    train: {{data: prices, model: {{mlp: {{hidden: [8]}}}}, loss: mse, epochs: 3}}\n\
         \x20 score:\n    evaluate: {{model: fit, data: kinds.test, slices: [city, größe]}}\n\
         \x20 price:\n    evaluate: {{model: {LONG}, data: prices.test}}\n{more}",
        data("kinds", "kind", "price"),
        data("prices", "price", "kind"),
    )
}

fn check(seen: &Seen, width: u32, stages: u32) {
    assert_eq!(seen.width, width);
    assert!(
        seen.scroll_width <= seen.width,
        "a page of {} in a window of {width} must be scrolled sideways",
        seen.scroll_width
    );
    assert_eq!((seen.blocked, seen.loaded), (0, 0), "it reaches outside");
    assert_eq!((seen.boxes, seen.spilt, seen.hidden), (stages, 0, 0));
    assert!(seen.colours.len() >= 8, "{:?}", seen.colours);
    assert!(seen.colours.iter().all(|it| *it > 8), "{:?}", seen.colours);
}

#[test]
fn a_page_fits_its_window_draws_all_and_reaches_nothing() {
    let Some(chromium) = chromium() else { return };
    workers::real();
    let project = Project::new();
    project.write("rows.csv", &rows());
    project.write("pipe.yaml", &spec(""));
    project.done(&["run"]);
    let broken = "  broken:\n    needs: [score]\n    command: {cmd: \"echo a line of a log that goes on and on, \
        wider than a phone, without_any_place_where_it_could_be_broken_for_the_reader; exit 3\", outs: [never.txt]}\n";
    project.write("pipe.yaml", &spec(broken));
    let answer = project.pipe(&["run", "--set", "epochs=4"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    project.done(&["report"]);
    let html = project.read("report.html");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("report.html"), &html).unwrap();
    for width in WIDTHS {
        let seen = look(&chromium, &folder, &html, width);
        check(&seen, width, 9);
        assert_eq!(seen.edges, 11);
        let page = frame(&folder, "report.html", width, seen.height);
        for (name, scheme) in [("light", 1), ("dark", 0)] {
            let picture = folder.join(format!("{name}-{width}.png"));
            let _ = fs::remove_file(&picture);
            let shot = format!("--screenshot={}", picture.display());
            let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
            let size = (width.max(500), seen.height);
            let (_, log) = browse(&chromium, &page, size, &[&shot, &scheme]);
            assert!(!log.contains("CONSOLE"), "{log}");
            assert!(
                fs::metadata(&picture).is_ok_and(|it| it.len() > 20_000),
                "{picture:?}"
            );
        }
    }
}

#[test]
fn a_page_draws_what_a_cached_stage_read_though_that_was_made_anew() {
    workers::real();
    let project = Project::new();
    let rows = rows();
    let (train, test) = rows.split_at(rows.match_indices('\n').nth(180).unwrap().0 + 1);
    let header = rows.lines().next().unwrap();
    project.write("train.csv", train);
    project.write("test.csv", &format!("{header}\n{test}"));
    project.write(
        "pipe.yaml",
        "version: 1\nname: edges\nstages:\n\
         \x20 data:\n    preprocess: {target: price, split: {files: {train: train.csv, test: test.csv}}, steps: [{drop: {columns: categorical}}]}\n\
         \x20 fit:\n    train: {data: data, model: {mlp: {hidden: [4]}}, loss: mse, epochs: 1}\n\
         \x20 score:\n    evaluate: {model: fit, data: data.test}\n",
    );
    let edges = || {
        project.done(&["report"]);
        project
            .read("report.html")
            .matches("class=\"edge\"")
            .count()
    };
    project.done(&["run"]);
    assert_eq!(edges(), 3);
    let last = test.lines().last().unwrap();
    project.write("test.csv", &format!("{header}\n{test}{last}\n"));
    let answer = project.done(&["run", "--format", "json"]);
    assert_eq!(answer.stages("stage_started"), ["data", "score"]);
    assert_eq!(edges(), 3);
}

#[test]
fn a_page_is_opened_by_the_browser_that_is_named_and_missing_ones_fail_nothing() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: open\nstages:\n  hello:\n    command: {cmd: echo hi > hi.txt, outs: [hi.txt]}\n",
    );
    project.done(&["run"]);
    let browser = project.path("browser");
    fs::write(&browser, "#!/bin/sh\ncp \"$1\" opened.html\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&browser, mode).unwrap();
    for words in [&["report", "--open"][..], &["show", "hello", "--open"]] {
        let mut command = project.command(words);
        let done = command.env("BROWSER", &browser).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let opened = project.path("opened.html");
        let soon = std::time::Instant::now();
        while !fs::read_to_string(&opened)
            .is_ok_and(|it| it.ends_with("</html>\n") || it.ends_with("</html>"))
        {
            assert!(soon.elapsed().as_secs() < 60, "no page was opened");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(fs::read_to_string(&opened).unwrap().contains("hello"));
        fs::remove_file(&opened).unwrap();
        for nowhere in ["/nowhere/browser", ""] {
            let mut command = project.command(words);
            command.env("BROWSER", nowhere);
            command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
            let done = command.output().unwrap();
            assert!(done.status.success(), "{done:?}");
            let text = String::from_utf8(done.stdout).unwrap();
            assert!(
                text.contains("no browser was found") && text.contains(".html"),
                "{text}"
            );
        }
    }
}
