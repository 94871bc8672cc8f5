//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Measures tenant-diesel beside the same work by hand, on a PostgreSQL of its own.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench", disable_version_flag = true)]
pub(crate) struct Args {
    /// Fewer rounds and fewer tenants, for a first look within a minute
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only the cases of these numbers, such as 1,2
    #[arg(long = "case", value_name = "NUMBERS", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=12))]
    pub(crate) cases: Vec<u8>,

    /// Writes the rows as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Writes the chart
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Writes the results into README.md, benches/README.md and benches/chart.svg
    #[arg(long, conflicts_with_all = ["quick", "cases"])]
    pub(crate) write: bool,

    /// What the benchmark calls itself with: a variant of a start-up, and a database
    #[arg(long, num_args = 2, hide = true)]
    pub(crate) alone: Option<Vec<String>>,
}
