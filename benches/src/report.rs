//! [`Report`]: all that a run found out, as a terminal and as Markdown show it.

use crate::Result;
use crate::aims::{self, Aim};
use crate::birth::DDL;
use crate::cases::{MEMORY, SOME, grouped};
use crate::draw::Draw;
use crate::migration::PSQL;
use crate::row::Row;
use crate::start_up::LOOP;
use crate::status::ONE_BY_ONE;
use crate::variants::{FLOOR, FLOOR_AND_PING, NAIVE, OURS, PLAIN};
use crate::web::{BARE, BY_HAND, OURS_CACHED, OURS_UNCACHED};
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, CellAlignment, Table};
use std::fmt::Write;

/// Before a variant's name; not of spaces, for these are lost in Markdown.
const INDENT: &str = "· ";

/// Everything of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// What could not be measured.
    pub(crate) notes: Vec<String>,
    /// The machine.
    pub(crate) machine: String,
    /// How much was done.
    pub(crate) method: String,
}

impl Report {
    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let mut table = table(&self.rows.iter().collect::<Vec<_>>());
        let mut text = table.load_style(UTF8_FULL_CONDENSED).trim_fmt();
        for note in &self.notes {
            text += &format!("\n{note}");
        }
        text += "\n\n";
        for Aim { promise, found, met } in aims::judge(&self.rows) {
            let word = if met { "met   " } else { "missed" };
            text += &format!("{word}  {promise}: {found}\n");
        }
        text + &format!("\n{}.\n{}\n", self.machine, self.method)
    }

    /// For `benches/README.md`.
    pub(crate) fn markdown(&self) -> Result<String> {
        let mut text = String::new();
        writeln!(text, "Measured on {}.\n{}\n", self.machine, self.method)?;
        writeln!(text, "![Ratios to the floor](chart.svg)\n")?;
        let rows: Vec<_> = self.rows.iter().collect();
        writeln!(text, "{}\n", table(&rows).load_style(ASCII_MARKDOWN).trim_fmt())?;
        for note in &self.notes {
            writeln!(text, "- {note}")?;
        }
        writeln!(text, "\n| aim | found | |\n|---|---|---|")?;
        for Aim { promise, found, met } in aims::judge(&self.rows) {
            let word = if met { "met" } else { "**missed**" };
            writeln!(text, "| {promise} | {found} | {word} |")?;
        }
        Ok(text)
    }

    /// For `README.md`: what somebody who chooses a library wants to know.
    pub(crate) fn summary(&self) -> Result<String> {
        const OF_INTEREST: [&str; 13] = [
            FLOOR,
            FLOOR_AND_PING,
            PLAIN,
            NAIVE,
            BARE,
            BY_HAND,
            OURS_CACHED,
            OURS_UNCACHED,
            LOOP,
            ONE_BY_ONE,
            PSQL,
            DDL,
            OURS,
        ];
        let is_typical = |row: &&Row| {
            let drawn = row.of.number != 2 || (row.of.draw == Draw::Uniform(SOME) && row.of.threads == 1);
            drawn && OF_INTEREST.contains(&row.variant)
        };
        let rows: Vec<_> = self.rows.iter().filter(is_typical).collect();
        let mut text = String::new();
        writeln!(text, "![Ratios to the floor](benches/chart.svg)\n")?;
        writeln!(text, "{}\n", table(&rows).load_style(ASCII_MARKDOWN).trim_fmt())?;
        writeln!(text, "Measured on {}.\n{}", self.machine, self.method)?;
        Ok(text)
    }
}

/// The cases as headings above their rows, which is narrower than a column of cases.
fn table(rows: &[&Row]) -> Table {
    const HEADER: [&str; 6] = ["", "µs", "min to max", "× floor", "round trips", "statements"];
    let with_memory = rows.iter().any(|row| row.bytes.is_some());
    let mut table = Table::new();
    let last = with_memory.then_some("memory");
    table.set_header(HEADER.into_iter().chain(last).map(Cell::new));
    for case in rows.chunk_by(|one, next| one.case == next.case) {
        table.add_row([&case[0].case]);
        for row in case {
            let mut cells = vec![Cell::new(format!("{INDENT}{}", row.variant))];
            cells.extend(numbers(row).into_iter().map(right));
            if with_memory {
                cells.push(right(row.bytes.map_or_else(String::new, megabytes)));
            }
            table.add_row(cells);
        }
    }
    table
}

fn numbers(row: &Row) -> [String; 5] {
    let times = row.times;
    let ratio = if row.of.number == MEMORY {
        // Of bytes, not of times.
        format!("{:.1}", row.ratio_to_floor)
    } else {
        format!("{:.2}", row.ratio_to_floor)
    };
    [
        micros(times.median),
        format!("{} to {}", micros(times.min), micros(times.max)),
        ratio,
        count(row.round_trips),
        count(row.statements),
    ]
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn micros(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        grouped(value.round() as usize)
    }
}

fn count(value: f64) -> String {
    let text = format!("{value:.2}");
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
