//! What of the outputs is asked for.

use crate::model::record::Topic;
use std::path::PathBuf;

/// Follow what comes out, as it is committed, or show what it is now
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream watch alerts --config swabstream.toml
  swabstream watch alerts --config swabstream.toml --area 500103 --once
  swabstream watch tiers --config swabstream.toml                 the tier of every area now
  swabstream watch positivity --config swabstream.toml --window 7 --from now

Without --from, `alerts` follows what comes from now on, and with --once shows all that is kept; `positivity` and `tiers` \
show the newest of each area and end. With --area, areas below that one belong to it: its wards, their streets.

People are shown masked, and so are barcodes of specimens; --show-ids shows them whole.

Exit codes:
  0    ended as asked, by --once or a signal
  2    it could not be read, or not be written, or a signal came before the broker answered
  141  its output was closed before the end (as by | head)")]
pub struct WatchArgs {
    /// What to follow
    pub what: What,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    pub json: bool,
    /// Where to begin to follow
    #[arg(long)]
    pub from: Option<Start>,
    /// End when everything was shown that there is now
    #[arg(long)]
    pub once: bool,
    /// Only this area and those below it
    #[arg(long, value_name = "CODE")]
    pub area: Option<String>,
    /// Days of the window in the table of positivity: 1, 3, 7 or 14
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = ["1", "3", "7", "14"])]
    pub window: String,
    /// Show ids of people and specimens whole: for those who may see them
    #[arg(long)]
    pub show_ids: bool,
}

/// What to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Alerts about people, areas and labs
    Alerts,
    /// Numbers of areas, restated as results come
    Positivity,
    /// Tiers of areas
    Tiers,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Start {
    /// What is kept of the past, then what comes
    Beginning,
    /// Only what comes
    Now,
}

impl What {
    pub(super) fn topics(self) -> &'static [Topic] {
        match self {
            What::Alerts => &[Topic::Alerts, Topic::AreaAlerts],
            What::Positivity => &[Topic::AreaPositivity],
            What::Tiers => &[Topic::AreaTiers],
        }
    }
}
