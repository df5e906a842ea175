//! The JSON of the page: what of the overview is shown, and to whom.
//!
//! In: the overview. Out: plain values. Never here: a person's id unmasked, or at all when others than this machine
//! can ask.

mod alerts;
mod areas;

use crate::policy::areas::Area;
use crate::policy::{self, WINDOWS};
use crate::view::alerts::NEWEST;
use crate::view::overview::Overview;
pub use alerts::{AlertFilter, Found};
use alerts::{AlertLine, Counts};
pub use areas::AreaDetail;
use areas::AreaNow;
use serde::Serialize;

/// Everything a page begins with.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    registry: Registry,
    #[serde(flatten)]
    delta: Delta,
}

/// What has changed; a page puts it over what it has.
#[derive(Debug, Serialize)]
pub struct Delta {
    /// Drawn areas and roots, whole, by the first target.
    areas: Vec<AreaNow>,
    /// The same by any other target.
    further: Vec<AreaNow>,
    /// New states of alerts, newest first.
    alerts: Vec<AlertLine>,
    /// Alerts by family and state.
    counts: Vec<Counts>,
}

#[derive(Debug, Serialize)]
struct Registry {
    digest: String,
    /// Zone of all civil days, and of the times that are shown.
    zone: String,
    levels: Vec<String>,
    /// What may be looked for, the first first.
    targets: Vec<Target>,
    windows: [i32; 4],
    /// Areas that are drawn, in reading order, then the roots.
    areas: Vec<Place>,
    /// Whether alerts about people are shown here.
    people_shown: bool,
    /// Alerts given at once, and those among which is looked for the ones of an area or family.
    newest_alerts: usize,
    kept_alerts: usize,
}

#[derive(Debug, Serialize)]
struct Target {
    id: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Place {
    code: String,
    name: String,
    /// Empty when there is none.
    name_zh: String,
    level: u8,
    tile: Option<(u32, u32)>,
    drawn: bool,
}

impl Snapshot {
    /// All there is to see. `people` says whether alerts about people may be shown, masked.
    pub fn of(overview: &Overview, people: bool) -> Self {
        let registry = overview.registry();
        let rules = registry.rules();
        let place = |area: &Area, drawn| Place {
            code: area.code.clone(),
            name: area.name.clone(),
            name_zh: area.name_zh.clone(),
            level: area.level,
            tile: area.tile,
            drawn,
        };
        let drawn = registry.tiles().map(|area| place(area, true));
        let named = |target: &policy::Target| Target { id: target.id.clone(), name: target.name.clone() };
        let targets = registry.targets().iter().map(named);
        let roots = areas::roots(overview).map(|area| place(area, false));
        let registry = Registry {
            digest: rules.map(|rules| rules.digest.clone()).unwrap_or_default(),
            zone: rules.map(|rules| rules.deployment.zone_name.clone()).unwrap_or_default(),
            levels: rules.map(|rules| rules.deployment.levels.clone()).unwrap_or_default(),
            targets: targets.collect(),
            windows: WINDOWS,
            areas: drawn.chain(roots).collect(),
            people_shown: people,
            newest_alerts: alerts::SHOWN,
            kept_alerts: NEWEST,
        };
        Self { registry, delta: Delta::since(overview, 0, people) }
    }
}

impl Delta {
    /// What is newer than a version of the overview.
    pub fn since(overview: &Overview, version: u64, people: bool) -> Self {
        Self {
            areas: areas::changed(overview, version),
            further: areas::changed_of_others(overview, version),
            alerts: alerts::newer(overview, version, people),
            counts: alerts::counts(overview),
        }
    }
}
