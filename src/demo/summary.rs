//! The demonstration's last word: what became of every record, and whether the books balance.
//!
//! In: the last [`Figures`]. Out: text. Nothing is computed here that the figures do not hold.

use super::figures::Figures;
pub use crate::terminal::progress::grouped;
use std::fmt::Write as _;

/// The summary, ready to be printed.
pub fn text(figures: &Figures) -> String {
    let mut out = String::from("\nSummary\n");
    section(&mut out, "records by outcome", figures.outcomes.iter().map(|(name, count)| (name.as_str(), *count)));
    section(&mut out, "rejected by code", figures.codes.iter().map(|(name, count)| (name.as_str(), *count)));
    alerts(&mut out, figures);
    tiers(&mut out, figures);
    throughput(&mut out, figures);
    books(&mut out, figures);
    out
}

fn section<'a>(out: &mut String, title: &str, counts: impl Iterator<Item = (&'a str, u64)>) {
    let _ = writeln!(out, "  {title}");
    let mut none = true;
    for (name, count) in counts {
        none = false;
        let _ = writeln!(out, "    {name:<24} {:>12}", grouped(count));
    }
    if none {
        let _ = writeln!(out, "    none");
    }
}

fn alerts(out: &mut String, figures: &Figures) {
    let _ = writeln!(out, "  alerts by family");
    if figures.alerts.is_empty() {
        let _ = writeln!(out, "    none");
    }
    for (family, count) in &figures.alerts {
        let (live, withdrawn) = (grouped(count.live), grouped(count.withdrawn));
        let _ = writeln!(out, "    {family:<24} {live:>12} hold, {withdrawn} withdrawn");
    }
}

fn tiers(out: &mut String, figures: &Figures) {
    let _ = writeln!(out, "  districts by tier");
    if figures.tiers.is_empty() {
        let _ = writeln!(out, "    none");
    }
    for group in &figures.tiers {
        let shown = group.areas.iter().take(6).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if group.areas.len() > 6 { ", …" } else { "" };
        let _ = writeln!(out, "    {:<24} {:>12}   {shown}{more}", group.tier, group.areas.len());
    }
}

fn throughput(out: &mut String, figures: &Figures) {
    let seconds = figures.elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { figures.consumed() as f64 / seconds } else { 0.0 };
    let consumed = grouped(figures.consumed());
    let _ = writeln!(out, "  {consumed} records in {seconds:.1} s, {} per second", grouped(rate as u64));
    let _ = writeln!(
        out,
        "  {} commits; {} messages between tasks; {} batches for areas",
        grouped(figures.commits),
        grouped(figures.person.received),
        grouped(figures.area.consumed)
    );
}

fn books(out: &mut String, figures: &Figures) {
    let imbalances = figures.imbalances();
    if imbalances.is_empty() {
        let (published, consumed) = (grouped(figures.published), grouped(figures.consumed()));
        let (all, outcomes) = (grouped(figures.person.consumed), grouped(figures.person.outcomes));
        let _ = writeln!(
            out,
            "  ledger balances: {published} published = {consumed} consumed; with messages between tasks \
             {all} = {outcomes} outcomes"
        );
    }
    for imbalance in imbalances {
        let _ = writeln!(out, "  LEDGER DOES NOT BALANCE: {imbalance}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::status::Books;
    use std::time::Duration;

    fn balanced() -> Figures {
        let person = Books { consumed: 1_050, outcomes: 1_050, sent: 50, received: 50 };
        let area = Books { consumed: 7, outcomes: 7, sent: 0, received: 0 };
        Figures { published: 1_000, person, area, elapsed: Duration::from_secs(2), ..Figures::default() }
    }

    #[test]
    fn books_that_balance_are_said_to() {
        let text = text(&balanced());
        assert!(text.contains("ledger balances: 1,000 published = 1,000 consumed"), "{text}");
        assert!(text.contains("500 per second"), "{text}");
    }

    #[test]
    fn each_imbalance_is_named() {
        let mut figures = balanced();
        figures.published = 1_002;
        figures.area.outcomes = 6;
        figures.person.received = 49;
        let text = text(&figures);
        assert!(!text.contains("ledger balances"), "{text}");
        assert_eq!(text.matches("DOES NOT BALANCE").count(), 3, "{text}");
        assert_eq!(figures.imbalances().len(), 3);
    }
}
