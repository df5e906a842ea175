//! What an operator is told about targets before rules come into force: what was counted is of the first target, and
//! that cannot change; what is declared no more is counted no more.

use crate::policy::set::Named;
use crate::policy::source::{self, SourceError, SourceFile};
use crate::policy::{Rules, UNDECLARED_TARGET};

/// What an operator may say about targets, where rules would otherwise be refused.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Consent {
    /// Say what was counted before any target was declared, where that was not SARS-CoV-2: the id of the first target
    #[arg(long, value_name = "TARGET")]
    pub counted_so_far: Option<String>,
    /// Let texts of results name another target than in rules until now, or none, from now on. What was sent under them
    /// stays counted as it was, and an audit, which reads all of it by the rules in force, will differ for it
    #[arg(long)]
    pub rename_texts: bool,
}

/// What is wrong with putting rules in force after those of now and all before, as far as targets go.
pub(super) fn objections(
    old: Option<&Rules>,
    named: &Named,
    new: &Rules,
    consent: &Consent,
    files: &[SourceFile],
) -> Vec<SourceError> {
    let texts = if consent.rename_texts { Vec::new() } else { renamed(old, named, new, files) };
    old.and_then(|old| other_first(old, new, consent, files)).into_iter().chain(texts).collect()
}

/// Another target than was counted is first: all that was counted would change its name.
fn other_first(old: &Rules, new: &Rules, consent: &Consent, files: &[SourceFile]) -> Option<SourceError> {
    let (was, is) = (old.target_id(0), new.target_id(0));
    let declared = old.deployment.targets_declared;
    if is == was || !declared && consent.counted_so_far.as_deref() == Some(is) {
        return None;
    }
    let (problem, hint) = match declared {
        true => (
            format!("`{is}` is the first target here, `{was}` is the first in force"),
            format!("declare `{was}` first: what was counted before targets were declared is of the first one"),
        ),
        false => (
            format!(
                "`{is}` is the first target here, and all that was counted so far, without one declared, is of the first"
            ),
            format!(
                "declare `{was}` first; or, where what was counted has been `{is}` all along, say so: --counted-so-far {is}"
            ),
        ),
    };
    Some(source::error_in(files, "deployment.toml", "targets[0].id", problem, hint))
}

/// Texts that named a target and name another one, or that name one in force and none here. Also a text that names
/// nothing in force is bound to what it named: given away in two steps it would else change what it means as in one. A text
/// that was given away with consent is bound to its new target.
fn renamed(old: Option<&Rules>, named: &Named, new: &Rules, files: &[SourceFile]) -> Vec<SourceError> {
    let mut errors = Vec::new();
    for (text, was) in named {
        let names = |rules: &Rules| rules.target(text).map(|index| rules.target_id(index).to_owned());
        let is_in_force = old.is_some_and(|old| old.deployment.targets_declared && names(old).as_ref() == Some(was));
        let now = match names(new) {
            Some(id) if id == *was => continue,
            Some(id) => format!("names `{id}` here"),
            // With its target it goes as a whole: what was counted by it is taken back.
            None if !is_in_force || new.target(was).is_none() => continue,
            None => "names nothing here".to_owned(),
        };
        let (before, what) = match is_in_force {
            true => (format!("`{text}` names `{was}` in force"), "is counted there"),
            false => (format!("`{text}` named `{was}` in rules before those in force"), "was counted there"),
        };
        let hint = format!(
            "let it name `{was}`: what was sent under it {what}. Where nothing was, as with a slip of the pen, apply with \
             --rename-texts"
        );
        errors.push(source::error_in(files, "deployment.toml", "targets", format!("{before} and {now}"), hint));
    }
    errors
}

/// Lines about targets that are declared no more, or about there being none.
pub(super) fn notes(old: Option<&Rules>, new: &Rules) -> Vec<String> {
    let mut notes = Vec::new();
    let gone = |old: &Rules| -> Vec<String> {
        let ids = old.deployment.targets.iter().map(|target| target.id.clone());
        ids.filter(|id| new.target(id).is_none()).collect()
    };
    for id in old.map(gone).unwrap_or_default() {
        notes.push(format!(
            "target `{id}` is declared no more: its results are refused from now on, its numbers taken back, its alerts \
             withdrawn"
        ));
    }
    if !new.deployment.targets_declared {
        notes.push(format!("no [[targets]] are declared: there is one, `{UNDECLARED_TARGET}`; others are refused"));
    }
    notes
}
