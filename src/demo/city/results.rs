//! From a swab to what a laboratory says about it.
//!
//! In: who was swabbed, where, when and why. Out: a valid final result and when it arrives. What goes wrong with it
//! afterwards is decided in `flaws`.

use super::desk::{DAY, Desk, HOUR};
use super::outbreak::Outbreak;
use super::town::{PersonIndex, Town};
use crate::model::time::Timestamp;
use crate::policy::Rules;
use crate::policy::areas::AreaIndex;
use crate::proto::v1::{CtValue, Finding, LabResult, ProcessingMode, ResultStatus, TimePrecision};
use rand::RngExt;

/// Kits in use.
const KITS: [&str; 3] = ["daan-orf1ab-n", "sansure-s3102e", "bgi-rt-fluorescent"];
/// Of swabs of infected people: share called positive; then inconclusive; the rest is invalid.
const SENSITIVITY: f64 = 0.95;
/// Share of positives for anything else than what goes round.
const OTHERS: f64 = 0.1;

/// Why somebody is swabbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Screening,
    Clinic,
    Contact,
    Occupation,
}

/// One swab.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swab {
    pub(super) person: PersonIndex,
    pub(super) reason: Reason,
    /// Day of the simulation.
    pub(super) day: i32,
    /// When, in the order of arrival.
    pub(super) taken: Timestamp,
}

/// A result as its lab releases it, when all goes well.
#[derive(Clone, Debug)]
pub(super) struct Released {
    pub(super) result: LabResult,
    /// When the specimen was taken, in the order of arrival.
    pub(super) taken: Timestamp,
    /// When the result arrives.
    pub(super) at: Timestamp,
}

/// What results are made of.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) town: &'a Town,
    pub(super) rules: &'a Rules,
    pub(super) names: &'a Names,
}

/// The names that results are made of, looked up once.
#[derive(Debug)]
pub(super) struct Names {
    labs: Vec<String>,
    purposes: [String; 4],
    false_positive: f64,
}

impl Names {
    /// The registry's labs, and the purposes that come closest to the city's reasons.
    ///
    /// # Panics
    /// When the deployment names no purpose: no result could be valid.
    pub(super) fn of(rules: &Rules, false_positive: f64) -> Self {
        let purposes = &rules.deployment.purposes;
        assert!(!purposes.is_empty(), "the deployment has at least one purpose");
        let like = |hint: &str| purposes.iter().find(|name| name.contains(hint)).unwrap_or(&purposes[0]).clone();
        Self {
            labs: rules.labs.iter().map(|(id, _)| id.clone()).collect(),
            purposes: [like("screen"), like("clinic"), like("contact"), like("occupation")],
            false_positive,
        }
    }

    /// The purpose that comes closest to screening.
    pub(super) fn screening(&self) -> &str {
        &self.purposes[Reason::Screening as usize]
    }

    /// Share of positives that are false among the uninfected.
    pub(super) fn false_positive(&self) -> f64 {
        self.false_positive
    }

    /// A lab: mostly the one that serves the area.
    pub(super) fn lab(&self, area: AreaIndex, desk: &mut Desk) -> String {
        let usual = area as usize;
        let at = if desk.chance(0.9) { usual } else { desk.rng.random_range(0..1_000_000) };
        match self.labs.len() {
            0 => "lab".to_owned(),
            labs => self.labs[at % labs].clone(),
        }
    }
}

/// What becomes of a swab; `None` when there is no such area on its day.
pub(super) fn analyse(
    swab: &Swab,
    town: &Town,
    outbreak: &Outbreak,
    rules: &Rules,
    names: &Names,
    desk: &mut Desk,
) -> Option<Released> {
    let collected = desk.stamp(swab.taken);
    let area = place(swab.person, town, rules, desk);
    if !rules.areas.exists(area, rules.day(collected)) {
        return None;
    }
    let finding = call(swab, outbreak, names, desk);
    let date_only = desk.chance(0.03);
    let delay = desk.hours(2.0, 10.0);
    let late =
        if desk.chance(desk.rates.late) { desk.hours(24.0, ((desk.horizon_days - 1) * 24).max(25) as f64) } else { 0 };
    let at = Timestamp(swab.taken.0 + delay + late).min(desk.deadline(swab.taken));
    let result = LabResult {
        lab_id: names.lab(area, desk),
        result_id: desk.id('R'),
        revision: 0,
        status: ResultStatus::Final as i32,
        person_id: desk.pseudonym(swab.person),
        previous_person_id: String::new(),
        specimen_id: desk.id('S'),
        target: desk.target(0),
        collected_at: Some(collected.to_wire()),
        collected_precision: if date_only { TimePrecision::Day } else { TimePrecision::Minute } as i32,
        reported_at: Some(desk.stamp(Timestamp(at.0 - HOUR / 6)).to_wire()),
        area: rules.areas.list[area as usize].code.clone(),
        purpose: names.purposes[swab.reason as usize].clone(),
        finding: finding as i32,
        ct_values: ct_values(finding, outbreak.days_ill(swab.person, swab.day), desk),
        kit: KITS[desk.rng.random_range(0..KITS.len())].to_owned(),
        pool: None,
        mode: if desk.chance(0.5) { ProcessingMode::Production } else { ProcessingMode::Unspecified } as i32,
        replaces_result_id: String::new(),
    };
    Some(Released { result, taken: swab.taken, at })
}

/// Results of the same specimen for whatever else the deployment looks for, where the lab ran a panel.
pub(super) fn panel(released: &Released, desk: &mut Desk) -> Vec<Released> {
    if !desk.chance(desk.rates.panel) {
        return Vec::new();
    }
    let targets = desk.targets();
    let further = |at| {
        let finding = if desk.chance(OTHERS) { Finding::Positive } else { Finding::Negative } as i32;
        let (result_id, target) = (desk.id('R'), desk.target(at));
        let result = LabResult { result_id, target, finding, ct_values: Vec::new(), ..released.result.clone() };
        Released { result, ..*released }
    };
    (1..targets).map(further).collect()
}

/// The area a result names: mostly the person's own, sometimes another, sometimes only a coarse one.
fn place(person: PersonIndex, town: &Town, rules: &Rules, desk: &mut Desk) -> AreaIndex {
    let somebody = if desk.chance(desk.rates.elsewhere) { town.anybody(&mut desk.rng) } else { person };
    let area = town.area(somebody);
    if !desk.chance(desk.rates.coarse_area) {
        return area;
    }
    let lineage = rules.areas.lineage(town.period(), area);
    // One level up: the root would say nothing at all.
    lineage.get(1).copied().unwrap_or(area)
}

/// The lab's call.
fn call(swab: &Swab, outbreak: &Outbreak, names: &Names, desk: &mut Desk) -> Finding {
    let dice: f64 = desk.rng.random();
    if outbreak.detectable(swab.person, swab.day) {
        return match dice {
            dice if dice < SENSITIVITY => Finding::Positive,
            dice if dice < SENSITIVITY + 0.03 => Finding::Inconclusive,
            _ => Finding::Invalid,
        };
    }
    match dice {
        dice if dice < names.false_positive => Finding::Positive,
        dice if dice < names.false_positive + 0.002 => Finding::Inconclusive,
        dice if dice < names.false_positive + 0.006 => Finding::Invalid,
        _ => Finding::Negative,
    }
}

/// Cycle thresholds: low while the virus is plenty, absent when there is nothing.
fn ct_values(finding: Finding, days_ill: i32, desk: &mut Desk) -> Vec<CtValue> {
    let base = match finding {
        // Whoever is found positive by mistake long after an illness has hardly any.
        Finding::Positive => 18.0 + (f64::from((days_ill - 3).abs()) * 2.0).min(18.0),
        Finding::Inconclusive => 38.0,
        _ => return Vec::new(),
    };
    let mut value = |gene: &str| {
        let cycles: f64 = base + desk.rng.random_range(0.0..4.0);
        // One decimal, as instruments print it.
        CtValue { gene: gene.to_owned(), cycles: (cycles * 10.0).round() / 10.0 }
    };
    vec![value("ORF1ab"), value("N")]
}

/// A moment of a day, more often in the morning.
pub(super) fn moment(desk: &mut Desk) -> Timestamp {
    let start = desk.day_start();
    let (from, to) = if desk.chance(0.6) { (7.0, 13.0) } else { (0.0, 24.0) };
    let offset = desk.hours(from, to).min(DAY - 1);
    Timestamp((start.0 + offset).div_euclid(1000) * 1000)
}
