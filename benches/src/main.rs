//! `cargo xtask bench`: what tenant-diesel costs, beside the same work by hand, in one run on one server.
//!
//! | module | owns |
//! |---|---|
//! | [`args`] | the command line |
//! | [`cases`], [`work`], [`draw`] | what is measured: cases, what a request does, whose requests come |
//! | [`apps`], [`site`] | the application, and a server with all its tenants |
//! | [`variants`] | the ways to do it |
//! | [`measure`], [`memory`], [`start_up`], [`drift`] | how it is measured |
//! | [`row`], [`aims`], [`report`], [`chart`], [`readme`], [`machine`] | what becomes of it |

mod aims;
mod apps;
mod args;
mod cases;
mod chart;
mod draw;
mod drift;
mod machine;
mod measure;
mod memory;
mod readme;
mod report;
mod row;
mod site;
mod start_up;
mod variants;
mod work;

use args::Args;
use cases::{Case, DRIFT, MEMORY, START_UP, compared_tenants, grouped, start_up_tenants};
use clap::Parser;
use measure::Effort;
use report::Report;
use site::Site;
use std::fs;
use std::time::{Duration, Instant};

/// What went wrong is for a person.
type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result {
    let args = Args::parse();
    let start = Instant::now();
    let (tenants, effort) = if args.quick {
        let effort = Effort {
            rounds: 5,
            turn: Duration::from_millis(10),
            counted: 100,
        };
        (150, effort)
    } else {
        let effort = Effort {
            rounds: 7,
            turn: Duration::from_millis(20),
            counted: 400,
        };
        (1000, effort)
    };
    let mut cases = Case::all(tenants, args.quick);
    cases.retain(|case| args.cases.is_empty() || args.cases.contains(&case.number));
    if cases.is_empty() {
        return Err("there is no such case yet".into());
    }
    progress(&format!(
        "making {} tenants of {} tables",
        grouped(tenants),
        apps::TABLES
    ));
    let site = Site::open(tenants)?;
    // An application migrates all tenants of its database, so it has one with as many as it is to migrate.
    let starting = cases.iter().any(|case| case.number == START_UP);
    let starting = starting
        .then(|| site.beside(start_up_tenants(args.quick)))
        .transpose()?;
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for case in cases {
        progress(&format!("{:3.0} s  {case}", start.elapsed().as_secs_f64()));
        rows.extend(match (case.number, &starting) {
            (MEMORY, _) => memory::measure(&case, &site)?,
            (START_UP, Some(starting)) => start_up::measure(&case, starting)?,
            (DRIFT, _) => drift::measure(&case, &site.beside_without_rows(compared_tenants(args.quick))?)?,
            _ => measure::measure(&case, &site, effort, &mut notes)?,
        });
    }
    let report = Report {
        rows,
        notes,
        machine: machine::describe(&site.server_version),
        method: format!(
            "Medians of {} rounds of about {} ms, or in case 8 of {} start-ups and in case 9 of {} comparisons, all variants in turn in each round; {:.0} s in all.",
            effort.rounds,
            effort.turn.as_millis(),
            start_up::ROUNDS,
            drift::ROUNDS,
            start.elapsed().as_secs_f64()
        ),
    };
    say(&report.text());
    if let Some(path) = args.json {
        fs::write(path, serde_json::to_string_pretty(&report.rows)? + "\n")?;
    }
    if let Some(path) = args.svg {
        fs::write(path, chart::draw(&report.rows)?)?;
    }
    if args.write {
        readme::write(&report)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a program for people at a terminal")]
fn say(text: &str) {
    println!("{text}");
}

/// Says what is being done, beside the result.
#[expect(clippy::print_stderr, reason = "this is a program for people at a terminal")]
fn progress(line: &str) {
    eprintln!("{line}");
}
