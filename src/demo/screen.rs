//! The live view in a terminal: redrawn in place; without a terminal, a plain line every few seconds.
//!
//! In: [`Figures`]. Out: lines on standard output. Person ids come masked and stay so.

use super::figures::{Figures, NewestAlert, TierGroup};
use super::summary::grouped;
use crate::proto::v1::Severity;
use console::{Style, Term, measure_text_width, truncate_str};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How often plain lines are written where nothing can be redrawn.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Rates are those of the last seconds.
const RATE_OVER: Duration = Duration::from_secs(3);

/// Where the live view is shown.
pub struct Screen<'a> {
    term: Term,
    out: &'a mut dyn Write,
    title: String,
    page: String,
    drawn: usize,
    last_plain: Option<Instant>,
    /// Consumed so far, at times not long past.
    samples: Vec<(Duration, u64)>,
}

impl<'a> Screen<'a> {
    /// A view with a title, and the address of the page.
    pub fn new(title: String, page: String, out: &'a mut dyn Write) -> Self {
        Self { term: Term::stdout(), out, title, page, drawn: 0, last_plain: None, samples: Vec::new() }
    }

    /// Writes a line above everything that is redrawn.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Writes the last words, where the redrawn lines were.
    pub fn close(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.out.write_all(text.as_bytes())
    }

    /// Shows the present state.
    pub fn show(&mut self, figures: &Figures) -> io::Result<()> {
        let rate = self.rate(figures);
        if !self.term.is_term() {
            return self.plain(figures, rate);
        }
        let (height, width) = self.term.size();
        let mut lines = self.head(figures, rate);
        let room = usize::from(height).saturating_sub(lines.len() + 1);
        lines.extend(body(figures, room, usize::from(width)));
        let room = usize::from(height).saturating_sub(1).max(1);
        lines.truncate(room);
        self.clear()?;
        for line in &lines {
            // A terminal that was closed ends the demonstration by its signal, in order.
            let _ = self.term.write_line(&truncate_str(line, usize::from(width), "…"));
        }
        self.drawn = lines.len();
        Ok(())
    }

    /// Takes the redrawn lines away, so that what follows stands alone.
    pub fn clear(&mut self) -> io::Result<()> {
        let _ = self.term.clear_last_lines(std::mem::take(&mut self.drawn));
        Ok(())
    }

    fn plain(&mut self, figures: &Figures, rate: u64) -> io::Result<()> {
        if self.last_plain.is_some_and(|last| last.elapsed() < PLAIN_EVERY) {
            return Ok(());
        }
        self.last_plain = Some(Instant::now());
        let live: u64 = figures.alerts.values().map(|count| count.live).sum();
        let tiers = figures.tiers.iter().map(|group| format!("{} {}", group.areas.len(), group.tier));
        writeln!(
            self.out,
            "{:>5.0} s  published {}  consumed {}  {}/s  lag {}  alerts {}  tiers: {}",
            figures.elapsed.as_secs_f64(),
            grouped(figures.published),
            grouped(figures.consumed()),
            grouped(rate),
            grouped(figures.lag),
            grouped(live),
            tiers.collect::<Vec<_>>().join(", "),
        )
    }

    fn rate(&mut self, figures: &Figures) -> u64 {
        self.samples.push((figures.elapsed, figures.consumed()));
        let since = figures.elapsed.saturating_sub(RATE_OVER);
        self.samples.retain(|(at, _)| *at >= since);
        match self.samples.as_slice() {
            [(from, before), .., (to, after)] if to > from => {
                (after.saturating_sub(*before) as f64 / (*to - *from).as_secs_f64()) as u64
            }
            _ => 0,
        }
    }

    fn head(&self, figures: &Figures, rate: u64) -> Vec<String> {
        let (bold, dim) = (Style::new().bold(), Style::new().dim());
        let (running, held) = figures.tasks;
        let books =
            if figures.person.consumed == figures.person.outcomes && figures.area.consumed == figures.area.outcomes {
                Style::new().green().apply_to("ledger balances").to_string()
            } else {
                Style::new().red().bold().apply_to("LEDGER DOES NOT BALANCE").to_string()
            };
        vec![
            format!("{}  {}", bold.apply_to(&self.title), Style::new().underlined().apply_to(&self.page)),
            format!(
                "{:>4.0} s   published {}   consumed {}   {} /s   lag {}   {books}",
                figures.elapsed.as_secs_f64(),
                grouped(figures.published),
                grouped(figures.consumed()),
                bold.apply_to(grouped(rate)),
                grouped(figures.lag),
            ),
            format!(
                "{}",
                dim.apply_to(format!("{running} of {held} tasks running, {} commits", grouped(figures.commits)))
            ),
        ]
    }
}

/// Everything below the head: what there is room for.
fn body(figures: &Figures, room: usize, width: usize) -> Vec<String> {
    let bold = Style::new().bold();
    let mut lines = listed("Outcomes", counted(figures.outcomes.iter()), width);
    lines.extend(listed("Rejected", counted(figures.codes.iter()), width));
    let alerts = figures
        .alerts
        .iter()
        .map(|(family, count)| format!("{family} {} ({} withdrawn)", grouped(count.live), grouped(count.withdrawn)));
    lines.extend(listed("Alerts", alerts.collect(), width));
    lines.push(bold.apply_to("Districts").to_string());
    lines.extend(figures.tiers.iter().map(tier_line));
    lines.push(bold.apply_to("Newest alerts").to_string());
    let left = room.saturating_sub(lines.len());
    lines.extend(figures.newest.iter().take(left.min(12)).map(alert_line));
    lines
}

/// A title and items, on as many lines as they need; nothing without items.
fn listed(title: &str, items: Vec<String>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + item.len() + 3 <= width => {
                line.push_str(" · ");
                line.push_str(&item);
            }
            Some(_) => lines.push(format!("{:<11}{item}", "")),
            None => lines.push(format!("{}{item}", Style::new().bold().apply_to(format!("{title:<11}")))),
        }
    }
    lines
}

/// Names with their counts, most frequent first.
fn counted<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> Vec<String> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    counts.into_iter().map(|(name, count)| format!("{name} {}", grouped(*count))).collect()
}

fn tier_line(group: &TierGroup) -> String {
    let style = match group.gravity {
        0 => Style::new().green(),
        1..=49 => Style::new().yellow(),
        50..=99 => Style::new().color256(208),
        _ => Style::new().red().bold(),
    };
    let name = style.apply_to(format!("  {:<14}{:>4}", group.tier, group.areas.len()));
    format!("{name}  {}", Style::new().dim().apply_to(group.areas.join(", ")))
}

fn alert_line(alert: &NewestAlert) -> String {
    let style = match alert.severity {
        Severity::High => Style::new().red(),
        Severity::Moderate => Style::new().yellow(),
        Severity::Info | Severity::Unspecified => Style::new().dim(),
    };
    let line =
        format!("  {:<9} {:<13} {:<22} {:<14} {}", alert.state, alert.family, alert.area, alert.subject, alert.note);
    style.apply_to(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::strip_ansi_codes;

    #[test]
    fn no_item_is_cut_off_where_lines_can_be_added() {
        let items: Vec<String> = (0..20).map(|number| format!("outcome_{number} 1,000")).collect();
        let lines = listed("Outcomes", items.clone(), 60);
        assert!(lines.len() > 3 && lines.iter().all(|line| measure_text_width(line) <= 60), "{lines:?}");
        let text = strip_ansi_codes(&lines.join("\n")).into_owned();
        assert!(items.iter().all(|item| text.contains(item)), "{text}");
    }

    #[test]
    fn a_small_terminal_still_shows_the_tiers() {
        let group = TierGroup { tier: "high".to_owned(), rank: 3, gravity: 100, areas: vec!["Yuzhong".to_owned()] };
        let figures = Figures { tiers: vec![group], ..Figures::default() };
        let lines = body(&figures, 0, 40);
        assert!(lines.iter().any(|line| line.contains("Yuzhong")), "{lines:?}");
    }
}
