//! `cargo xtask bench`: what tenant-diesel costs, beside the same work by hand, in one run on one server.
//!
//! | module | owns |
//! |---|---|
//! | [`args`] | the command line |
//! | [`cases`], [`work`], [`draw`] | what is measured: cases, what a request does, whose requests come |
//! | [`apps`], [`schemas`] | the applications, and the schemas that their tenants have |
//! | [`site`], [`fleets`] | a server with all tenants, and databases beside it with others |
//! | [`variants`] | the ways to serve a request |
//! | [`measure`], [`memory`] | how requests are measured |
//! | [`web`] | requests from the web and look-ups of hosts, and how these are measured |
//! | [`turns`] | how all else is measured: |
//! | [`start_up`], [`drift`], [`migration`], [`birth`], [`status`] | that, and the ways to do it |
//! | [`pending_loop`] | what people write today for that |
//! | [`row`], [`aims`], [`report`], [`chart`], [`readme`], [`machine`] | what becomes of it |

mod aims;
mod apps;
mod args;
mod birth;
mod cases;
mod chart;
mod draw;
mod drift;
mod fleets;
mod machine;
mod measure;
mod memory;
mod migration;
mod pending_loop;
mod readme;
mod report;
mod row;
mod schemas;
mod site;
mod start_up;
mod status;
mod turns;
mod variants;
mod web;
mod work;

use args::Args;
use cases::{BIRTH, Case, DRIFT, MEMORY, MIGRATION, START_UP, STATUS, WEB, grouped};
use clap::Parser;
use fleets::Fleets;
use measure::Effort;
use report::Report;
use site::Site;
use std::fs;
use std::time::{Duration, Instant};

/// What went wrong is for a person.
type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result {
    let args = Args::parse();
    if let Some([variant, url]) = args.alone.as_deref() {
        return start_up::run_alone(variant, url);
    }
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
    // What is no request has databases of its own.
    let requests = cases.iter().filter(|case| case.number <= MEMORY);
    let tenants = requests.map(|case| case.draw.tenants()).max().unwrap_or(1);
    progress(&format!(
        "making {} tenants of {} tables",
        grouped(tenants),
        apps::TABLES
    ));
    let site = Site::open(tenants)?;
    let mut fleets = Fleets::beside(&site);
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for case in cases {
        progress(&format!("{:3.0} s  {case}", start.elapsed().as_secs_f64()));
        let tenants = case.draw.tenants();
        let of_case = match case.number {
            MEMORY => memory::measure(&case, &site)?,
            WEB => web::measure(&case, fleets.of_ledgers(web::HOSTS)?, effort)?,
            START_UP => start_up::measure(&case, fleets.of_ledgers(tenants)?)?,
            DRIFT => drift::measure(&case, &fleets.of_empty_tables(tenants)?)?,
            MIGRATION => migration::measure(&case, fleets.of_workload(tenants)?, &rows, &mut notes)?,
            BIRTH => birth::measure(&case, &fleets.empty()?)?,
            STATUS => status::measure(&case, fleets.of_ledgers(tenants)?)?,
            _ => measure::measure(&case, &site, effort, &rows, &mut notes)?,
        };
        rows.extend(of_case);
    }
    let report = Report {
        rows,
        notes,
        machine: machine::describe(&site.server_version),
        method: format!(
            "Medians of {} rounds of about {} ms, all variants in turn in each round; {} start-ups, {} migrations of all tenants and {} births, all in turn; {:.0} s in all. The server runs with fsync {}.",
            effort.rounds,
            effort.turn.as_millis(),
            start_up::ROUNDS,
            migration::ROUNDS,
            birth::ROUNDS,
            start.elapsed().as_secs_f64(),
            site.fsync
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
