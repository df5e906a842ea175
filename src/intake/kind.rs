//! What a file holds, and how it is written.

use crate::model::record::Topic;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Results of laboratories
    Results,
    /// Records of contact tracers
    Contacts,
    /// Who is in which key group
    Groups,
}

impl Kind {
    /// The topic such records go to.
    pub fn topic(self) -> Topic {
        match self {
            Kind::Results => Topic::LabResults,
            Kind::Contacts => Topic::ContactRecords,
            Kind::Groups => Topic::PersonGroups,
        }
    }

    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::Results, Kind::Contacts, Kind::Groups];

    /// Its name on the command line and in maps.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Results => "results",
            Kind::Contacts => "contacts",
            Kind::Groups => "groups",
        }
    }

    /// One of them, as people call it.
    pub fn called(self) -> &'static str {
        match self {
            Kind::Results => "result",
            Kind::Contacts => "contact record",
            Kind::Groups => "record of a key group",
        }
    }

    /// Full name of the contract's message.
    pub fn message(self) -> &'static str {
        match self {
            Kind::Results => "swabstream.v1.LabResult",
            Kind::Contacts => "swabstream.v1.ContactRecord",
            Kind::Groups => "swabstream.v1.PersonGroup",
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header line; needs a map
    Csv,
    /// A workbook (.xlsx, .xls) with a header row; needs a map
    Workbook,
    /// One JSON message (proto3 mapping) per line
    Ndjson,
    /// Protobuf messages, each after its length as a varint
    Protobuf,
}
