//! Columns of text, each as wide as its widest value.

use std::fmt;

/// A header and rows of equally many values.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(header: [&str; COLUMNS]) -> Self {
        Self { rows: vec![header.map(str::to_owned)] }
    }

    pub(super) fn row(&mut self, values: [String; COLUMNS]) {
        self.rows.push(values);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, value) in widths.iter_mut().zip(row) {
                *width = (*width).max(console::measure_text_width(value));
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (width, value) in widths.iter().zip(row) {
                line.push_str("  ");
                line.push_str(&console::pad_str(value, *width, console::Alignment::Left, None));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
