//! What the broker's access control does not let us do, and the option of `kafka-acls.sh` that would.

use std::collections::BTreeMap;

/// Who we are to the brokers, as `kafka-acls.sh` names it where listeners take users by name.
pub(in crate::kafka) fn principal(properties: &BTreeMap<String, String>) -> String {
    let has_certificate =
        || properties.keys().any(|name| name.starts_with("ssl.certificate") || name == "ssl.keystore.location");
    match properties.get("sasl.username") {
        Some(name) => format!("User:{name}"),
        None if has_certificate() => "the user of the client's certificate".to_owned(),
        None => "User:ANONYMOUS".to_owned(),
    }
}

/// The topic that a line of the library says must not be written to. Its error says only that there is one.
pub(in crate::kafka) fn denied_topic(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("Failed to add partition \"")?;
    let (topic, why) = rest.split_once("\" [")?;
    why.contains("Topic authorization failed").then_some(topic)
}

/// What one of us is not allowed, and what would allow it.
pub(in crate::kafka) fn denied(principal: &str, operation: &str, resource: &str) -> String {
    format!("{principal} may not {operation} {}: {}", resource.replace("--", ""), missing_acl(operation, resource))
}

/// What an authorization is missing for, as the options of `kafka-acls.sh`.
pub(in crate::kafka) fn missing_acl(operation: &str, resource: &str) -> String {
    format!("an ACL is missing: --operation {operation} {resource} (deploy/ACLS.md lists those of every role)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_write_is_named_with_the_topic() {
        let line =
            "[thrd:main]: sasl_ssl://k:9093/1: Failed to add partition \"cq.alerts\" [3] to transaction: Broker: ";
        assert_eq!(denied_topic(&format!("{line}Topic authorization failed")), Some("cq.alerts"));
        assert_eq!(denied_topic(&format!("{line}Unknown topic or partition")), None);
        let of = |properties: &[(&str, &str)]| {
            principal(&properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(of(&[("sasl.username", "processor")]), "User:processor");
        assert_eq!(of(&[]), "User:ANONYMOUS");
        assert!(of(&[("ssl.certificate.location", "/c.pem")]).contains("certificate"));
        let said = denied("User:processor", "Write", "--topic cq.alerts");
        assert!(said.starts_with("User:processor may not Write topic cq.alerts: an ACL is missing: "), "{said}");
    }
}
