//! `swabstream policy test`: cases that are written beside tier policies, decided as in a deployment.

use super::arithmetic::{arithmetic, gives};
use super::cases::{self, Case, CaseFile, Wanted};
use super::counts;
use super::trial::{self, People, Place};
use crate::cli::rules::read_files;
use crate::model::time::Day;
use crate::pipeline::area::tier::published::Published;
use crate::pipeline::decode::json;
use crate::policy::source::{SourceError, SourceFile};
use crate::policy::{Rules, TierPolicy};
use crate::proto::v1::TierReason;
use anyhow::{Context as _, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run the cases that are written beside tier policies
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream policy test deploy/rules/published
  swabstream policy test my-rules --json

The policies are the files tier-NAME.toml of the folder, the cases those of its folder `cases`, e.g. cases/incidence.toml:

  policy = \"de-28b\"                    # id of the policy, of which all versions are tried

  [[cases]]
  name = \"three days above 100 are on\"
  first_day = \"2021-04-24\"              # left out: the first day of the newest version
  population = 100000                   # left out: 100000, so a case is one per 100,000
  cases = [\"6 x 0\", 101, \"4 x 0\"]       # each day's
  tiers = [\"8 x off\", \"3 x on\"]         # each day's; any is any, none is none

One area is decided on, by what was counted in it day by day, as in a deployment. \"6 x 0\" are six days that are alike. Beside \
cases there may be community_cases, positive_tests and conclusive_tests. Distinct people do not add up from days: people_positive and people_tested are those of the window that ends on the day.

Needs no broker and no deployment.

Exit codes:
  0    every case is as it must be
  1    some case is not
  2    a file is wrong or cannot be read, there are no cases, or it could not be written
  141  its output was closed before the end (as by | head)")]
pub struct TestArgs {
    /// The folder of the policies, with their cases in its folder `cases`
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// One JSON object per line, for each case
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &TestArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let policies = trial::by_id(trial::files(&args.folder)?);
    let folder = args.folder.join("cases");
    ensure!(
        folder.is_dir(),
        "{} has no cases: they are in files of its folder `cases`, as swabstream policy test --help shows",
        args.folder.display()
    );
    let files = read_files(&folder)?;
    ensure!(!files.is_empty(), "there is no file of cases in {}: write one, NAME.toml", folder.display());
    // Also those that no case is about.
    let anywhere = [Place { code: "any".to_owned(), people: People::default() }];
    for versions in policies.values() {
        trial::rules(versions, &anywhere).map_err(|errors| trial::refused(&args.folder, &errors))?;
    }
    let mut failed = 0;
    let mut all = 0;
    let mut without: BTreeSet<&str> = policies.keys().map(String::as_str).collect();
    for file in &files {
        let cases = cases::read(file).map_err(|errors| refused(&folder, &errors))?;
        let tried = tried(&args.folder, &policies, &cases)?;
        without.remove(cases.policy.as_str());
        all += tried.len();
        failed += tried.iter().filter(|one| !one.is_right()).count();
        let lines = if args.json { tried.iter().map(Tried::json).collect() } else { text(&cases, &tried) };
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    if !args.json {
        for policy in without {
            writeln!(out, "no cases: {policy}")?;
        }
        writeln!(out, "{all} cases: {} are as they must be, {failed} are not", all - failed)?;
    }
    out.flush()?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn refused(folder: &Path, errors: &[SourceError]) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(|error| format!("  {}/{error}", folder.display())).collect();
    anyhow::anyhow!("cases have errors:\n{}", lines.join("\n"))
}

/// A case and what came of it.
struct Tried<'a> {
    file: &'a str,
    case: &'a Case,
    days: Vec<OfDay>,
}

/// What came of a day.
struct OfDay {
    day: Day,
    must: Wanted,
    is: Option<String>,
    version: String,
    reasons: Vec<TierReason>,
    /// The same, in words.
    why: Vec<String>,
}

impl OfDay {
    fn is_right(&self) -> bool {
        match &self.must {
            Wanted::Anything => true,
            Wanted::Nothing => self.is.is_none(),
            Wanted::Tier(tier) => self.is.as_ref() == Some(tier),
        }
    }
}

impl Tried<'_> {
    fn is_right(&self) -> bool {
        self.days.iter().all(OfDay::is_right)
    }

    fn json(&self) -> String {
        let of_day = |one: &OfDay| {
            let reason = |reason: &TierReason| -> serde_json::Value {
                serde_json::from_str(&json::encode(reason, "swabstream.v1.TierReason")).unwrap_or_default()
            };
            serde_json::json!({
                "day": one.day.to_string(),
                "must": wanted(&one.must),
                "is": one.is,
                "policy": one.version,
                "reasons": one.reasons.iter().map(reason).collect::<Vec<_>>(),
            })
        };
        let days: Vec<_> = self.days.iter().map(of_day).collect();
        let Case { line, name, .. } = self.case;
        serde_json::json!({"file": self.file, "line": line, "name": name, "right": self.is_right(), "days": days})
            .to_string()
    }
}

fn wanted(must: &Wanted) -> &str {
    match must {
        Wanted::Tier(tier) => tier,
        Wanted::Nothing => "none",
        Wanted::Anything => "any",
    }
}

fn tried<'a>(
    folder: &Path,
    policies: &BTreeMap<String, Vec<SourceFile>>,
    file: &'a CaseFile,
) -> anyhow::Result<Vec<Tried<'a>>> {
    let known = || policies.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let versions = policies.get(&file.policy).with_context(|| {
        format!(
            "cases/{}: there is no policy {} in {}: use one of {}",
            file.name,
            file.policy,
            folder.display(),
            known()
        )
    })?;
    let place = |(at, case): (usize, &Case)| Place { code: code(at), people: People::of(case.population) };
    let places: Vec<Place> = file.cases.iter().enumerate().map(place).collect();
    let rules = trial::rules(versions, &places).map_err(|errors| trial::refused(folder, &errors))?;
    let newest = rules.tiers.iter().max_by_key(|policy| policy.effective_from).context("there is a version")?;
    for case in &file.cases {
        require_tiers(file, case, &rules)?;
    }
    let of_case = |(at, case)| Tried { file: &file.name, case, days: days(&rules, newest, at, case) };
    Ok(file.cases.iter().enumerate().map(of_case).collect())
}

fn code(at: usize) -> String {
    format!("case-{}", at + 1)
}

/// A tier that no version has would never come.
fn require_tiers(file: &CaseFile, case: &Case, rules: &Rules) -> anyhow::Result<()> {
    let names = || rules.tiers.iter().flat_map(|policy| &policy.tiers);
    for wanted in &case.tiers {
        let Wanted::Tier(tier) = wanted else { continue };
        let mut known: Vec<&str> = names().map(String::as_str).collect();
        known.sort_unstable();
        known.dedup();
        ensure!(
            names().any(|name| name == tier),
            "cases/{}:{}: {} has no tier {tier}: use one of {}, any or none",
            file.name,
            case.line,
            file.policy,
            known.join(", ")
        );
    }
    Ok(())
}

fn days(rules: &Rules, newest: &TierPolicy, at: usize, case: &Case) -> Vec<OfDay> {
    let first = case.first_day.unwrap_or(newest.effective_from);
    let counted: BTreeMap<Day, _> = (first.0..).map(Day).zip(case.counts.iter().copied()).collect();
    let numbers = counts::numbers(&counted);
    let area = rules.areas.index(&code(at)).unwrap_or_default();
    let published = Published { rules, area, target: 0, numbers: &numbers };
    let of_day = |(day, must): (Day, &Wanted)| {
        let policy = published.policy(day);
        let decision = published.decide(day);
        let reasons = decision.as_ref().map_or_else(
            || policy.map_or_else(Vec::new, |policy| published.measures(policy, day)),
            |decision| decision.reasons.clone(),
        );
        let why = |(at, of): (usize, &TierReason)| {
            let name = format!("{}, {} days", of.measure, of.window_days);
            format!("{name}: {} → {}", arithmetic(of), gives(policy, at, of))
        };
        OfDay {
            day,
            must: must.clone(),
            is: decision.as_ref().map(|decision| decision.tier().to_owned()),
            version: policy.map_or_else(String::new, |policy| format!("{}@{}", policy.id, policy.version)),
            why: reasons.iter().enumerate().map(why).collect(),
            reasons,
        }
    };
    (first.0..).map(Day).zip(&case.tiers).map(of_day).collect()
}

fn text(file: &CaseFile, tried: &[Tried<'_>]) -> Vec<String> {
    let mut lines = vec![format!("cases/{}: {}", file.name, file.policy)];
    for one in tried {
        let Case { name, line, .. } = one.case;
        if one.is_right() {
            lines.push(format!("  right  {name}"));
            continue;
        }
        lines.push(format!("  WRONG  {name} (line {line})"));
        for of_day in one.days.iter().filter(|of_day| !of_day.is_right()) {
            let is = of_day.is.as_deref().unwrap_or("none");
            let by = if of_day.version.is_empty() { "no version holds" } else { &of_day.version };
            lines.push(format!("         {}: {is}, must be {}; {by}", of_day.day, wanted(&of_day.must)));
            lines.extend(of_day.why.iter().map(|why| format!("           {why}")));
        }
    }
    lines
}
