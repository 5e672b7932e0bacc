//! `load < plan.json > report.json`.

use std::io::{Write, stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let report = serde_json::from_reader(stdin())
        .map_err(|error| format!("the plan is wrong: {error}"))
        .and_then(|plan| load::client::run(&plan))
        .and_then(|report| serde_json::to_string(&report).map_err(|error| error.to_string()))
        .and_then(|report| writeln!(stdout(), "{report}").map_err(|error| error.to_string()));
    match report {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
