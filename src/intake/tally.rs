//! What became of every line of a file: a ledger that must balance.

/// What the lines of a file were. Lines = before the header + of the header + empty + blank + headers again + of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What is counted.
    pub unit: Unit,
    /// All of them, as they lie in the file: a quoted cell can make several of one row.
    pub lines: u64,
    /// Left out before the header, as the map or the file says.
    pub before_header: u64,
    /// The header.
    pub header: u64,
    /// With nothing on them.
    pub empty: u64,
    /// With delimiters on them and no cell.
    pub blank: u64,
    /// The header once more, where files were joined.
    pub headers_again: u64,
    /// On which rows lie, good and bad.
    pub of_rows: u64,
    /// The rows.
    pub rows: u64,
    /// What is worth knowing of the file as such, one line each; nothing of a row.
    pub notes: Vec<String>,
}

/// What the file consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Lines of text.
    #[default]
    Line,
    /// Rows of a sheet.
    SheetRow,
    /// Messages.
    Message,
}

impl Tally {
    /// Nothing yet.
    pub fn of(unit: Unit) -> Self {
        Self { unit, ..Self::default() }
    }

    /// Whether every line was counted once.
    pub fn balances(&self) -> bool {
        let parts = self.parts().iter().map(|(_, lines)| lines).sum::<u64>();
        parts == self.lines
    }

    /// The last of them that was read, e.g. `line 17`.
    pub fn last_in_words(&self) -> String {
        let unit = match self.unit {
            Unit::Line => "line",
            Unit::SheetRow => "row",
            Unit::Message => "message",
        };
        format!("{unit} {}", self.lines)
    }

    /// What the lines were.
    pub fn parts(&self) -> [(&'static str, u64); 6] {
        [
            ("before the header", self.before_header),
            ("of the header", self.header),
            ("empty", self.empty),
            ("without any cell", self.blank),
            ("of the header again", self.headers_again),
            ("of rows", self.of_rows),
        ]
    }

    /// All of it in one line, without parts that are none.
    pub fn in_words(&self) -> String {
        let parts: Vec<String> = self
            .parts()
            .iter()
            .filter(|(_, lines)| *lines > 0)
            .map(|(what, lines)| format!("{lines} {what}"))
            .collect();
        let unit = match (self.unit, self.lines) {
            (Unit::Line, 1) => "line",
            (Unit::Line, _) => "lines",
            (Unit::SheetRow, 1) => "row of the sheet",
            (Unit::SheetRow, _) => "rows of the sheet",
            (Unit::Message, 1) => "message",
            (Unit::Message, _) => "messages",
        };
        let separator = if parts.is_empty() { "" } else { ": " };
        format!("{} {unit}{separator}{}", self.lines, parts.join(", "))
    }
}
