//! The sections of READMEs that are written by the command and never by hand.

use crate::Result;
use crate::chart;
use crate::report::Report;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// Writes both READMEs and the chart between them.
pub(crate) fn write(report: &Report) -> Result {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(benches.join("chart.svg"), chart::draw(&report.rows)?)?;
    replace(&benches.join("README.md"), &report.markdown()?)?;
    let root = benches.parent().ok_or("benches is the root of a file system")?;
    replace(&root.join("README.md"), &report.summary()?)
}

fn replace(path: &Path, section: &str) -> Result {
    let text = fs::read_to_string(path)?;
    let missing = || format!("{} has no lines {BEGIN} and {END}", path.display());
    let text = with_section(&text, section).ok_or_else(missing)?;
    Ok(fs::write(path, text)?)
}

/// The text with another section between the markers.
fn with_section(text: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", section.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let expected = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(with_section(&text, "\nnew\n\n").unwrap(), expected);
        assert_eq!(with_section(&expected, "new").unwrap(), expected);
        assert_eq!(with_section("no markers", "new"), None);
    }

    #[test]
    fn both_readmes_have_their_markers() {
        for text in [include_str!("../README.md"), include_str!("../../README.md")] {
            assert!(with_section(text, "").is_some());
        }
    }
}
