//! What an operator is told about targets before rules come into force: what was counted is of the first target, and
//! that cannot change; what is declared no more is counted no more.

use crate::policy::source::{self, SourceError, SourceFile};
use crate::policy::{Rules, UNDECLARED_TARGET};

/// What an operator may say about targets, where rules would otherwise be refused.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Consent {
    /// Say what was counted before any target was declared, where that was not SARS-CoV-2: the id of the first target
    #[arg(long, value_name = "TARGET")]
    pub counted_so_far: Option<String>,
    /// Let texts of results name another target, or none, from now on. What was sent under them stays counted as it was,
    /// and an audit, which reads all of it by the rules in force, will differ for it
    #[arg(long)]
    pub rename_texts: bool,
}

/// What is wrong with putting rules in force after these, as far as targets go.
pub(super) fn objections(old: &Rules, new: &Rules, consent: &Consent, files: &[SourceFile]) -> Vec<SourceError> {
    let texts = if consent.rename_texts { Vec::new() } else { renamed(old, new, files) };
    other_first(old, new, consent, files).into_iter().chain(texts).collect()
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

/// Texts that named a target which is still declared, and name another one or none now.
fn renamed(old: &Rules, new: &Rules, files: &[SourceFile]) -> Vec<SourceError> {
    let mut errors = Vec::new();
    for target in old.deployment.targets.iter().filter(|_| old.deployment.targets_declared) {
        let is_kept = new.target(&target.id).is_some();
        for text in std::iter::once(&target.id).chain(&target.aliases) {
            let names = new.target(text).map(|index| new.target_id(index));
            let now = match names {
                Some(id) if id == target.id => continue,
                Some(id) => format!("names `{id}` here"),
                // With its target it goes as a whole: what was counted by it is taken back.
                None if !is_kept => continue,
                None => "names nothing here".to_owned(),
            };
            let problem = format!("`{text}` names `{}` in force and {now}", target.id);
            let hint = format!(
                "keep it an alias of `{}`: what was sent under it is counted there. Where nothing was, as with a slip of \
                 the pen, apply with --rename-texts",
                target.id
            );
            errors.push(source::error_in(files, "deployment.toml", "targets", problem, hint));
        }
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
