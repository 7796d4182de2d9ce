//! Aligned columns for people.

use crate::cli::output::{Paint, clean};
use std::fmt::Write as _;

/// Values longer than this stand whole but do not push the columns of the other rows apart.
const WIDEST: usize = 44;
const GAP: usize = 2;

/// Rows under headings. Cells are cleaned of control characters.
#[derive(Debug)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    status_column: Option<usize>,
}

impl Table {
    /// A table with headings and no rows.
    pub fn new(headings: &[&'static str]) -> Table {
        let status_column = headings.iter().position(|heading| *heading == "STATUS");
        Table { headings: headings.to_vec(), rows: Vec::new(), status_column }
    }

    /// Adds a row; an empty cell is shown as `-`, so that columns can be counted by a script.
    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        let cells =
            cells.into_iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { clean(cell).into_owned() });
        self.rows.push(cells.collect());
    }

    /// The table's text, each line ended.
    pub fn render(&self, paint: Paint) -> String {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| heading.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count().min(WIDEST));
            }
        }
        let mut text = String::new();
        let headings = self.headings.iter().zip(&widths).map(|(heading, width)| pad(heading, *width));
        let line: String = headings.collect();
        writeln!(text, "{}", paint.bold(line.trim_end())).ok();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padded = pad(cell, *width);
                let shown =
                    if self.status_column == Some(column) { paint.status(&padded) } else { padded.as_str().into() };
                line.push_str(&shown);
            }
            writeln!(text, "{}", line.trim_end()).ok();
        }
        text
    }
}

fn pad(cell: &str, width: usize) -> String {
    let blanks = width.saturating_sub(cell.chars().count()) + GAP;
    format!("{cell}{:blanks$}", "")
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::cli::output::Paint;

    #[test]
    fn columns_are_aligned_by_characters_and_empty_cells_are_dashes() {
        let mut table = Table::new(&["POSITION", "TYPE", "ID"]);
        table.row(["1", "é.created", "a\x1b"]);
        table.row(["12345678901", "", "b"]);
        let expected = "POSITION     TYPE       ID\n1            é.created  a\\u{1b}\n12345678901  -          b\n";
        assert_eq!(table.render(Paint::off()), expected);
    }

    #[test]
    fn one_long_value_does_not_widen_every_row() {
        let mut table = Table::new(&["SOURCE", "ID"]);
        let long = "s".repeat(500);
        table.row([long.as_str(), "1"]);
        table.row(["short", "2"]);
        let text = table.render(Paint::off());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], format!("{long}  1"));
        assert_eq!(lines[2].len(), 44 + 2 + 1);
    }
}
