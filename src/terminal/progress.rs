//! How far a command is, on standard error: redrawn on a terminal, else a line now and then.

use super::say;
use crate::clock;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Between two lines where nothing can be redrawn: a log of a night's job stays short.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// A count of things done, with how far that is of the whole.
pub struct Progress {
    bar: ProgressBar,
    /// What is counted and what is done to it: `rows checked`.
    what: &'static str,
    whole: Option<u64>,
    began: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    /// Of so many, where that is known.
    pub fn new(what: &'static str, whole: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(whole, ProgressDrawTarget::stderr());
        let template = if whole.is_some() { "{bar:30} {percent:>3} %  {msg}, {eta} left" } else { "{msg}" };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let now = clock::monotonic();
        Self { bar, what, whole, began: now, shown: now, terminal: std::io::stderr().is_terminal() }
    }

    /// So many are done, and that is so much of the whole.
    pub fn at(&mut self, done: u64, position: u64) {
        let now = clock::monotonic();
        let every = if self.terminal { Duration::from_millis(100) } else { PLAIN_EVERY };
        if now.duration_since(self.shown) < every {
            return;
        }
        self.shown = now;
        let text = text(self.what, done, now.duration_since(self.began));
        if self.terminal {
            self.bar.set_message(text);
            self.bar.set_position(position);
        } else {
            say(&plain(&text, position, self.whole));
        }
    }

    /// Takes what is drawn away while something else is written.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn text(what: &str, done: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    format!("{} {what}, {} a second", grouped(done), grouped(rounded(rate)))
}

fn plain(text: &str, position: u64, whole: Option<u64>) -> String {
    match whole.filter(|whole| *whole > 0) {
        Some(whole) => format!("{text}, {} % done", position.min(whole) * 100 / whole),
        None => text.to_owned(),
    }
}

/// A rate to two digits: the others change with every look.
fn rounded(rate: f64) -> u64 {
    let digits = rate.max(1.0).log10().floor() as i32;
    let step = 10_f64.powi((digits - 1).max(0));
    ((rate / step).round() * step) as u64
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_to_what_can_be_read() {
        let all: Vec<u64> = [0.0, 0.4, 7.6, 12.34, 149.9, 98_765.4, 1_234_567.0].into_iter().map(rounded).collect();
        assert_eq!(all, [0, 0, 8, 12, 150, 99_000, 1_200_000]);
    }

    #[test]
    fn a_line_says_how_many_how_fast_and_how_far() {
        let text = text("rows checked", 1_234_567, Duration::from_secs(10));
        assert_eq!(plain(&text, 5, Some(10)), "1,234,567 rows checked, 120,000 a second, 50 % done");
        assert_eq!(plain(&text, 5, None), "1,234,567 rows checked, 120,000 a second");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let all: Vec<String> = [0, 999, 1_000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(all, ["0", "999", "1,000", "1,234,567"]);
    }
}
