//! Two policies as a chart: areas as rows, days as columns, what each of the two says one above the other.
//!
//! In: a comparison. Out: an SVG document that needs nothing else.

use super::compared::{Compared, Comparison, Side, Tier};
use crate::model::time::Day;
use std::fmt::Write as _;

/// From the mildest to the gravest; also told apart by how dark they are.
const COLOURS: [&str; 5] = ["#cfe8d5", "#f3e08b", "#f0a35e", "#cf5246", "#6b2430"];
/// Of a day without a tier, or without the area.
const NO_TIER: &str = "#ffffff";

const LEFT: usize = 170;
const RIGHT: usize = 90;
const ROW: usize = 22;
const STRIP: usize = 9;
const TOP: usize = 64;
/// Pixels that all days have together, about.
const WIDTH: usize = 900;

/// The chart.
pub(super) fn svg(compared: &Comparison) -> String {
    let (first, last) = compared.days;
    let days = (last.0 - first.0 + 1).max(1) as usize;
    let column = (WIDTH / days).clamp(2, 28);
    let (width, height) = (LEFT + days * column + RIGHT, TOP + compared.areas.len() * ROW + 30);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<title>{} and {}, {first} to {last}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escaped(&compared.sides[0].name),
        escaped(&compared.sides[1].name)
    );
    for (at, side) in compared.sides.iter().enumerate() {
        legend(&mut text, side, ["above", "below"][at], 16 + at * 18);
    }
    axis(&mut text, first, days, column);
    for (at, area) in compared.areas.iter().enumerate() {
        row(&mut text, compared, area, TOP + at * ROW, column);
    }
    text.push_str("</svg>\n");
    text
}

fn legend(text: &mut String, side: &Side, place: &str, y: usize) {
    // Writing to a text cannot fail, here and below.
    let _ = write!(text, "<text x=\"8\" y=\"{y}\">{place}: {}", escaped(&side.name));
    for tier in 0..side.tiers.len() {
        let fill = colour(side, Some(tier));
        let name = escaped(&side.tiers[tier]);
        let _ = write!(text, "<tspan dx=\"12\" fill=\"{fill}\" stroke=\"#555\" stroke-width=\"0.4\">■</tspan> {name}");
    }
    text.push_str("</text>\n");
}

/// Days that are named: as many as there is room for.
fn axis(text: &mut String, first: Day, days: usize, column: usize) {
    let every = (70 / column).max(1);
    for at in (0..days).step_by(every) {
        let (x, day) = (LEFT + at * column, first.plus(at as i32));
        let _ = writeln!(text, "<text x=\"{x}\" y=\"{}\" fill=\"#555\">{day}</text>", TOP - 8);
        let _ = writeln!(text, "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{TOP}\" stroke=\"#999\"/>", TOP - 6);
    }
}

fn row(text: &mut String, compared: &Comparison, area: &Compared, y: usize, column: usize) {
    let (days, differing) = compared.days_of(area);
    let label = y + STRIP + 4;
    let _ = writeln!(text, "<text x=\"8\" y=\"{label}\">{}</text>", escaped(&area.name));
    for side in 0..2 {
        for (from, to, tier) in runs(area, side) {
            let (x, width) = (LEFT + from * column, (to - from) * column);
            let (fill, top) = (colour(&compared.sides[side], tier), y + side * STRIP);
            let (first, last) = (compared.days.0.plus(from as i32), compared.days.0.plus(to as i32 - 1));
            let name = escaped(compared.sides[side].named(tier));
            let _ = writeln!(
                text,
                "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{STRIP}\" fill=\"{fill}\"><title>{}: {name}, {first} to \
                 {last}</title></rect>",
                escaped(&area.name)
            );
        }
    }
    let x = LEFT + area.tiers.len() * column + 6;
    let said = if differing == 0 { "alike".to_owned() } else { format!("{differing} of {days} days") };
    let _ = writeln!(text, "<text x=\"{x}\" y=\"{label}\" fill=\"#555\">{said}</text>");
}

/// Days in a row with one tier of a side: from, up to but not with, and which.
fn runs(area: &Compared, side: usize) -> Vec<(usize, usize, Tier)> {
    let mut runs: Vec<(usize, usize, Tier)> = Vec::new();
    for (at, tiers) in area.tiers.iter().enumerate() {
        let Some(tiers) = tiers else { continue };
        match runs.last_mut().filter(|(_, to, tier)| *to == at && *tier == tiers[side]) {
            Some((_, to, _)) => *to += 1,
            None => runs.push((at, at + 1, tiers[side])),
        }
    }
    runs
}

/// The mildest tier has the first colour and the gravest the last, however many there are.
fn colour(side: &Side, tier: Tier) -> &'static str {
    let most = side.tiers.len().saturating_sub(1).max(1);
    tier.map_or(NO_TIER, |tier| COLOURS[(tier * (COLOURS.len() - 1) + most / 2) / most])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, tiers: &[&str]) -> Side {
        Side { name: name.to_owned(), tiers: tiers.iter().map(|tier| (*tier).to_owned()).collect() }
    }

    #[test]
    fn a_chart_has_a_row_for_each_area_and_a_strip_for_each_run_of_days() {
        let tiers = vec![Some([Some(0), Some(0)]), Some([Some(1), Some(0)]), None];
        let area = Compared { code: "A".to_owned(), name: "A & <B>".to_owned(), people: Default::default(), tiers };
        let sides = [side("a@1", &["off", "on"]), side("b@1", &["off", "on"])];
        let chart = svg(&Comparison { sides, days: (Day(20_000), Day(20_002)), areas: vec![area] });
        assert_eq!(chart.matches("<rect x=").count(), 3);
        assert!(
            chart.contains("A &amp; &lt;B&gt;: on, 2024-10-05 to 2024-10-05") && chart.contains("1 of 2 days"),
            "{chart}"
        );
        assert!(chart.starts_with("<svg ") && chart.trim_end().ends_with("</svg>") && !chart.contains("& "));
    }

    #[test]
    fn the_mildest_and_the_gravest_have_the_first_and_the_last_colour() {
        for count in 2..=6 {
            let names: Vec<String> = (0..count).map(|tier| tier.to_string()).collect();
            let side = Side { name: String::new(), tiers: names };
            assert_eq!((colour(&side, Some(0)), colour(&side, Some(count - 1))), (COLOURS[0], COLOURS[4]));
        }
    }
}
