//! How series are written down: in the text format of Prometheus, or in OpenMetrics for whoever asks for it.
//!
//! In: samples as the metrics library renders them, which knows neither OpenMetrics nor counters with fractions. Out:
//! families in the order of the table [`names`](super::names), each with what the table says of it. Never here: a name
//! that is not in the table.

use super::names::{ALL, Kind, Metric};
use std::collections::HashMap;
use std::fmt::Write as _;

/// A format of an exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format a client's `Accept` prefers; the text format where it is silent or likes both as well.
    pub fn asked_for(accept: &str) -> Self {
        let (mut text, mut open) = (0.0, 0.0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            match kind.as_str() {
                "application/openmetrics-text" => open = f64::max(open, quality),
                "text/plain" => text = f64::max(text, quality),
                _ => {}
            }
        }
        if open > text { Format::OpenMetrics } else { Format::Text }
    }

    /// What an answer in it is called.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes samples down in a format.
pub(super) fn lay_out(samples: &str, format: Format) -> String {
    let mut families = by_family(samples);
    let mut out = String::with_capacity(samples.len() * 2);
    for metric in ALL {
        let Some(mut lines) = families.remove(metric.name) else { continue };
        // The buckets of a histogram stand in their order already, and must stay together.
        if metric.kind != Kind::Histogram {
            lines.sort_unstable();
        }
        describe(&mut out, metric, format);
        for line in lines {
            match format {
                Format::Text => out.push_str(line),
                Format::OpenMetrics => out.push_str(&with_decimal_bound(line)),
            }
            out.push('\n');
        }
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

/// The lines of samples by the name of their metric.
fn by_family(samples: &str) -> HashMap<&'static str, Vec<&str>> {
    let mut series: HashMap<String, &'static str> = HashMap::new();
    for metric in ALL {
        if metric.kind == Kind::Histogram {
            for part in ["bucket", "sum", "count"] {
                series.insert(format!("{}_{part}", metric.name), metric.name);
            }
        } else {
            series.insert(metric.name.to_owned(), metric.name);
        }
    }
    let mut families: HashMap<&'static str, Vec<&str>> = HashMap::new();
    for line in samples.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = &line[..line.find(['{', ' ']).unwrap_or(line.len())];
        if let Some(family) = series.get(name) {
            families.entry(family).or_default().push(line);
        }
    }
    families
}

fn describe(out: &mut String, metric: &Metric, format: Format) {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let name = match format {
        Format::Text => metric.name,
        Format::OpenMetrics => metric.family(),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help_with_unit());
    if let Some(unit) = metric.base_unit().filter(|_| format == Format::OpenMetrics) {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
}

/// OpenMetrics wants the bounds of buckets as decimal numbers: `1.0`, not `1`.
fn with_decimal_bound(line: &str) -> String {
    let Some((before, rest)) = line.split_once("le=\"") else { return line.to_owned() };
    match rest.split_once('"') {
        Some((bound, after)) if bound.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{before}le=\"{bound}.0\"{after}")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_are_for_those_who_prefer_them() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; version=1.0.0", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;q=0.1", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("text/html,*/*", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::asked_for(accept), format, "{accept}");
        }
    }

    #[test]
    fn bounds_of_buckets_are_decimal_in_open_metrics() {
        for (line, wanted) in [
            ("a_bucket{half=\"x\",le=\"1\"} 3", "a_bucket{half=\"x\",le=\"1.0\"} 3"),
            ("a_bucket{le=\"0.25\"} 3", "a_bucket{le=\"0.25\"} 3"),
            ("a_bucket{le=\"+Inf\"} 3", "a_bucket{le=\"+Inf\"} 3"),
            ("a_sum 1.5", "a_sum 1.5"),
        ] {
            assert_eq!(with_decimal_bound(line), wanted);
        }
    }
}
