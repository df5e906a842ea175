//! Checks of what is looked for: the deployment's targets, and which of them a policy is for.

use crate::model::spelling::{is_full_width, look};
use crate::model::unseen::is_unseen;
use crate::policy::case::CasePolicy;
use crate::policy::deployment::{Deployment, Target, TargetIndex, UNDECLARED_TARGET};
use crate::policy::error::Check;
use crate::policy::lookup::Lookup;
use crate::proto::v1;
use std::collections::BTreeMap;

/// Longest id or alias, in bytes: as long as the target of a result may be.
const LONGEST: usize = 32;

/// A person's rows name purpose and target by one number of 8 bits.
const PAIRS: usize = 250;

/// The targets of a deployment; one if it declares none. `None` when something is wrong with them: then nothing can be
/// said about policies that name them.
pub(super) fn declared(wire: &v1::Deployment, check: &mut Check<'_>) -> Option<Vec<Target>> {
    let before = check.noted();
    if wire.targets.is_empty() {
        let (id, name) = (UNDECLARED_TARGET.to_owned(), "SARS-CoV-2".to_owned());
        return Some(vec![Target { id, name, aliases: Vec::new() }]);
    }
    let pairs = wire.targets.len() * wire.purposes.len();
    if pairs > PAIRS {
        let problem = format!("{} targets times {} purposes are {pairs}", wire.targets.len(), wire.purposes.len());
        check.wrong("targets", problem, format!("keep the product to {PAIRS}"));
    }
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    let mut looks: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for (at, target) in wire.targets.iter().enumerate() {
        let field = format!("targets[{at}]");
        check.text(&format!("{field}.name"), &target.name);
        let aliases = target.aliases.iter().enumerate().map(|(at, alias)| (format!("{field}.aliases[{at}]"), alias));
        for (field, text) in std::iter::once((format!("{field}.id"), &target.id)).chain(aliases) {
            check.named(&field, text, field.ends_with(".id"));
            if let Some(other) = taken.insert(text, &target.id) {
                check.wrong(field, format!("`{text}` names `{other}` already"), "let each text name one target, once");
                continue;
            }
            let (like, of) = *looks.entry(look(text)).or_insert((text, at));
            if of != at {
                let problem = format!("`{text}` looks like `{like}`, which names `{}`", wire.targets[of].id);
                let hint = "let texts that differ only in upper and lower case, or in the width or composition of their letters, \
                            name one target";
                check.wrong(field, problem, hint);
            }
        }
    }
    let target = |target: &v1::Target| Target {
        id: target.id.clone(),
        name: target.name.clone(),
        aliases: target.aliases.clone(),
    };
    (check.noted() == before).then(|| wire.targets.iter().map(target).collect())
}

impl Check<'_> {
    /// An id of a target, which becomes part of keys and labels, or an alias: some lab's code, with blanks within or not.
    fn named(&mut self, field: &str, text: &str, is_id: bool) {
        let before = self.noted();
        if is_id {
            self.code(field, text, LONGEST);
        } else if text.trim().is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            let hint = format!("use 1 to {LONGEST} bytes without control characters");
            self.wrong(field, "no result can name a target so", hint);
        }
        if self.noted() == before
            && let Some((problem, hint)) = misspelled(text)
        {
            self.wrong(field, problem, hint);
        }
    }

    /// The place of a target that is named by its id.
    fn target(&mut self, field: &str, id: &str, deployment: &Deployment) -> Option<TargetIndex> {
        let ids: Vec<String> = deployment.targets.iter().map(|target| target.id.clone()).collect();
        self.place(field, id, &ids).and_then(|place| TargetIndex::try_from(place).ok())
    }
}

/// What is wrong with a text that is compared with those of results as it stands, to the letter: what nobody sees in it
/// keeps it from ever being met, and so does what everybody reads as something else.
fn misspelled(text: &str) -> Option<(&'static str, &'static str)> {
    if text.trim() != text {
        Some(("there is a blank before or behind it, and texts of results are compared to the letter", "take it away"))
    } else if text.chars().any(is_unseen) {
        Some(("it holds a character without a picture, which no text of a result does", "write it anew by hand"))
    } else if text.chars().any(is_full_width) {
        let hint = "write it in letters and digits of the usual width";
        Some(("it holds a full-width letter or digit, and texts of results are compared to the letter", hint))
    } else {
        None
    }
}

/// The targets a case policy is for. Without a deployment nothing can be said about them.
pub(super) fn of_case(
    wire: &v1::CasePolicy,
    deployment: Option<&Deployment>,
    check: &mut Check<'_>,
) -> Vec<TargetIndex> {
    if wire.targets.is_empty() {
        return vec![0];
    }
    let Some(deployment) = deployment else { return Vec::new() };
    check.codes("targets", &wire.targets);
    let place = |(at, id): (usize, &String)| check.target(&format!("targets[{at}]"), id, deployment);
    wire.targets.iter().enumerate().filter_map(place).collect()
}

/// Of a policy's targets, those that contact records without a target are about.
pub(super) fn of_unnamed_contacts(wire: &v1::CasePolicy, targets: &[TargetIndex]) -> Vec<TargetIndex> {
    targets.iter().copied().filter(|target| wire.unnamed_contacts.unwrap_or(*target == 0)).collect()
}

/// The target a tier policy looks at, if there is one of that id.
pub fn of_tier(wire: &v1::TierPolicy, deployment: &Deployment, check: &mut Check<'_>) -> Option<TargetIndex> {
    match wire.target.as_str() {
        "" => Some(0),
        id => check.target("target", id, deployment),
    }
}

/// Of each target, where its case policies lie, which are in order.
pub(super) fn cases_of(deployment: &Deployment, cases: &[CasePolicy]) -> Vec<Vec<u32>> {
    let of_target = |target: TargetIndex| {
        let own = (0..).zip(cases).filter(|(_, policy)| policy.targets.contains(&target));
        own.map(|(at, _)| at).collect()
    };
    (0..deployment.targets.len() as u8).map(of_target).collect()
}

/// Targets by every text that names them.
pub(super) fn by_text(deployment: &Deployment) -> Lookup {
    let all = deployment.targets.iter().zip(0..);
    let texts = all.flat_map(|(target, at)| target.aliases.iter().chain([&target.id]).zip(std::iter::repeat(at)));
    texts.map(|(text, at)| (text.as_str(), at)).collect()
}
