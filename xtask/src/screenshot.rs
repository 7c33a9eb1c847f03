//! `cargo xtask screenshot`: the demo's page as the picture that the README shows.

use std::process::Command;

use crate::demo;
use crate::run::{Failure, Runner};

const PICTURE: &str = "docs/images/incident.png";
/// Width and height in pixels: verdict, service graph and the first panels over time.
const WINDOW: &str = "1120,1180";
/// A README should load fast.
const BYTES_MAX: u64 = 200_000;
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

pub(crate) fn command(runner: &mut Runner) -> Result<(), Failure> {
    let Some(browser) = BROWSERS.into_iter().find(|name| is_there(name)) else {
        let names = BROWSERS.join(", ");
        return Err(Failure::new(2, format!("no browser found; one of {names}")));
    };
    // Without libtorch: the picture does not depend on what is installed.
    demo::command(runner, false)?;
    let picture = runner.root.join(PICTURE);
    let folder = picture.parent().unwrap_or(&runner.root);
    let made = std::fs::create_dir_all(folder);
    made.map_err(Failure::io(folder.display().to_string()))?;
    let profile = runner.root.join("target/screenshot-profile");
    let mut chromium = Command::new(browser);
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .arg("--hide-scrollbars")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={WINDOW}"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", runner.root.join(demo::PAGE).display()));
    runner.stage("screenshot", &mut chromium)?;
    if runner.dry_run {
        return Ok(());
    }
    let size = std::fs::metadata(&picture).map_err(Failure::io(PICTURE))?;
    if size.len() > BYTES_MAX {
        let bytes = size.len();
        return Err(Failure::new(
            1,
            format!("{PICTURE} has {bytes} bytes, more than {BYTES_MAX}"),
        ));
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}
