//! What an operator is told about targets before rules come into force: what was counted is of the first target, and
//! that cannot change; what is declared no more is counted no more.

use crate::policy::source::{self, SourceError, SourceFile};
use crate::policy::{Rules, UNDECLARED_TARGET};

/// What is wrong with putting rules in force after these: another target than was declared first is first.
pub(super) fn other_first(old: &Rules, new: &Rules, files: &[SourceFile]) -> Option<SourceError> {
    let first = old.target_id(0);
    // Where none was declared, nobody said yet what was counted.
    if !old.deployment.targets_declared || new.target_id(0) == first {
        return None;
    }
    let problem = format!("`{}` is the first target here, `{first}` is the first in force", new.target_id(0));
    let hint = format!("declare `{first}` first: what was counted before targets were declared is of the first one");
    Some(source::error_in(files, "deployment.toml", "targets[0].id", problem, hint))
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
