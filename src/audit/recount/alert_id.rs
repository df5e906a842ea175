//! Alert ids, formed by the rule that the contract spells at `Alert.alert_id`.

use crate::model::ids::{Domain, Secret};

/// The id of the alert about a person's episode, for another than the first target with that.
pub fn positive(secret: &Secret, person: &str, first_day: &str, further: Option<&str>) -> String {
    id(secret, &[&["ALERT_FAMILY_POSITIVE", person, first_day], further.as_slice()].concat())
}

/// The id of the alert about a specimen that contradicts itself for a target.
pub fn contradiction(secret: &Secret, person: &str, specimen: &str, target: &str, day: &str) -> String {
    id(secret, &["ALERT_FAMILY_CONTRADICTION", person, specimen, target, day])
}

/// The id of the alert about a person's missed test of a day, for another than the first target with that.
pub fn contact_overdue(secret: &Secret, person: &str, day: &str, further: Option<&str>) -> String {
    id(secret, &[&["contact_overdue", person, day], further.as_slice()].concat())
}

/// The id of the alert about a person's missed tests of a key group, for another than the first target with that.
pub fn group_overdue(secret: &Secret, person: &str, group: &str, first_day: &str, further: Option<&str>) -> String {
    id(secret, &[&["group_overdue", person, group, first_day], further.as_slice()].concat())
}

/// The id of the alert about a tube of a pool that leaves its members open.
pub fn pool_positive(secret: &Secret, pool: &str, specimen: &str, target: &str, day: &str) -> String {
    id(secret, &["pool_positive", pool, specimen, target, day])
}

/// The id of the alert about whoever of such a tube was not tested alone in time.
pub fn pool_overdue(secret: &Secret, pool: &str, specimen: &str, target: &str, day: &str) -> String {
    id(secret, &["pool_overdue", pool, specimen, target, day])
}

/// The id of the alert about an area's change of tier on a day, for another than the first target with that.
pub fn tier_changed(secret: &Secret, area: &str, day: &str, further: Option<&str>) -> String {
    id(secret, &[&["tier_changed", area, day], further.as_slice()].concat())
}

fn id(secret: &Secret, parts: &[&str]) -> String {
    secret.hash(Domain::Alert, parts).to_be_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By a program of its own in another language, after the words of the contract only.
    #[test]
    fn ids_are_what_the_contract_spells() {
        let secret = Secret::new([42; 16]);
        let positive = |further| positive(&secret, "P1", "2022-11-10", further);
        assert_eq!(positive(None), "c46c0efb3b4ddbeb695e0ac49952af83");
        assert_eq!(positive(Some("influenza-a")), "9cf550d500b576a36f6e6f1f5d9fdf0a");
        let of = |target| contradiction(&secret, "P1", "S1", target, "2022-11-10");
        assert_eq!(of("sars-cov-2"), "740aa1b6a8068b1b4f892cb15e50bfc7");
        assert_eq!(of("influenza-a"), "b49f09befa214632f8ab0a9e0254c5e3");
        let overdue = |further| contact_overdue(&secret, "P1", "2022-11-10", further);
        assert_eq!(overdue(None), "94eda7ab12c5b4553ed0143ff757aaf1");
        assert_eq!(overdue(Some("influenza-a")), "28f6637cb85603b3b19d4562ab46367e");
        let tier_changed = |further| tier_changed(&secret, "D1S1", "2022-11-10", further);
        assert_eq!(tier_changed(None), "ea5682d09198f41de972af5a41c7d7d8");
        assert_eq!(tier_changed(Some("influenza-a")), "79c9b1f2208ea3bf763ba1909512c2bc");
    }
}
