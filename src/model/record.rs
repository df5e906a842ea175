//! What goes in and what comes out: records of topics, as bytes with a position.

use super::time::Timestamp;
use std::fmt;

/// The topics there are, without prefix: each is read or written by something. The contract names more, which come with
/// what produces them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Results from labs (input, N).
    LabResults,
    /// Contact records (input, N).
    ContactRecords,
    /// Who is in which key group (input, N).
    PersonGroups,
    /// Policies, areas, labs (input, one partition, read whole).
    Rules,
    /// Sent on to its person's task (internal, N).
    PersonEvents,
    /// Changelog of the person half (internal, N).
    PersonState,
    /// Changelog of the area half (internal, M).
    AreaState,
    /// Signed batches for areas (internal, M).
    AreaChanges,
    /// How far each task has come (internal, one partition, read whole).
    Progress,
    /// Alerts about people (output, N).
    Alerts,
    /// Alerts about areas and labs (output, M).
    AreaAlerts,
    /// What has to be done with people (output, N).
    PersonDuties,
    /// What has to be done in areas (output, M).
    AreaDuties,
    /// Live numbers (output, M).
    AreaPositivity,
    /// Numbers and tiers as they were when their day was closed (output, M, kept for ever).
    AreaPublished,
    /// Tiers (output, M).
    AreaTiers,
    /// What became of what labs sent (output, M).
    LabReceipts,
    /// What could not be used (output, one partition per person task).
    DeadLetters,
    /// Which dead letters were sent again (of the command that does it, one partition).
    Retried,
    /// Every set of rules that was put in force (of the command that does it, one partition, kept for ever).
    RulesHistory,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 20] = [
        Topic::LabResults,
        Topic::ContactRecords,
        Topic::PersonGroups,
        Topic::Rules,
        Topic::PersonEvents,
        Topic::PersonState,
        Topic::AreaState,
        Topic::AreaChanges,
        Topic::Progress,
        Topic::Alerts,
        Topic::AreaAlerts,
        Topic::PersonDuties,
        Topic::AreaDuties,
        Topic::AreaPositivity,
        Topic::AreaPublished,
        Topic::AreaTiers,
        Topic::LabReceipts,
        Topic::DeadLetters,
        Topic::Retried,
        Topic::RulesHistory,
    ];

    /// Name in Kafka, before the deployment's prefix.
    pub fn name(self) -> &'static str {
        match self {
            Topic::LabResults => "lab-results",
            Topic::ContactRecords => "contact-records",
            Topic::PersonGroups => "person-groups",
            Topic::Rules => "rules",
            Topic::PersonEvents => "person-events",
            Topic::PersonState => "person-state",
            Topic::AreaState => "area-state",
            Topic::AreaChanges => "area-changes",
            Topic::Progress => "progress",
            Topic::Alerts => "alerts",
            Topic::AreaAlerts => "area-alerts",
            Topic::PersonDuties => "person-duties",
            Topic::AreaDuties => "area-duties",
            Topic::AreaPositivity => "area-positivity",
            Topic::AreaPublished => "area-published",
            Topic::AreaTiers => "area-tiers",
            Topic::LabReceipts => "lab-receipts",
            Topic::DeadLetters => "dead-letters",
            Topic::Retried => "retried",
            Topic::RulesHistory => "rules-history",
        }
    }

    /// Whether the time of its records is the time of the world: labs, tracers and list keepers publish here, we elsewhere.
    pub fn moves_time(self) -> bool {
        matches!(self, Topic::LabResults | Topic::ContactRecords | Topic::PersonGroups)
    }

    /// Whether the processor neither reads nor writes it: a command keeps it.
    pub fn is_of_a_command(self) -> bool {
        matches!(self, Topic::Retried | Topic::RulesHistory)
    }

    /// Whether tasks that earlier versions committed do not read it: it came later than they did.
    pub fn came_later(self) -> bool {
        self == Topic::PersonGroups
    }

    /// The topic of a name without prefix.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Topic.
    pub topic: Topic,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// One record as read. It borrows the client's memory: what is kept must be copied.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it lies.
    pub position: Position,
    /// Its timestamp: when the broker received it (in history mode, when it really arrived).
    pub received_at: Timestamp,
    /// Key, if any.
    pub key: Option<&'a [u8]>,
    /// Payload; `None` is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Value of the header `content-type`, if any.
    pub content_type: Option<&'a [u8]>,
}

impl Record<'_> {
    /// The message that its payload is; `None` of a tombstone, and of what is none.
    pub fn message<M: prost::Message + Default>(&self) -> Option<M> {
        M::decode(self.payload?).ok()
    }
}

/// The input record behind whatever is being done: only its position and its time of receipt count, however often it
/// was sent on. In order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// When it was received.
    pub received_at: Timestamp,
    /// Where it lies.
    pub position: Position,
}

impl Origin {
    /// A record that is the origin itself.
    pub fn of(record: &Record<'_>) -> Self {
        Self { position: record.position, received_at: record.received_at }
    }
}

/// One record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Topic.
    pub topic: Topic,
    /// Partition.
    pub partition: i32,
    /// Key; empty for none.
    pub key: Vec<u8>,
    /// Payload; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers.
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

/// Format in which tasks send each other messages now: `0` were messages without a number, `1` carry one, `2` was that of
/// builds on the way to the next, `3` has those between pools and their members, what pools estimate, what has to be done with
/// contacts in areas, and records of key groups that are sent on, `4` numbers of key groups, and `5` what results of pools say to the tasks of their
/// tubes' barcodes, and what became of the results of labs.
pub const MESSAGE_FORMAT: u32 = 5;

/// The first of them in which a tube is counted in the task of its barcode, and not with each pool that it was sent as.
pub const FIRST_WITH_TUBES: u32 = 5;

/// The first of them in which areas are told all that has to be done.
pub const FIRST_WITH_DUTIES: u32 = 4;

/// Header of every record that a task writes: the commit it belongs to, e.g. `person/3/1024`, half, task and number.
/// Who looks at many topics while they grow can so tell what belongs to one moment.
pub const COMMIT_HEADER: &str = "swabstream-commit";

/// The two halves of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HalfKind {
    /// N tasks, each the only owner of its people.
    Person,
    /// M tasks that own areas.
    Area,
}

impl HalfKind {
    /// Both.
    pub const ALL: [HalfKind; 2] = [HalfKind::Person, HalfKind::Area];

    /// As `progress`, the header of commits, metrics and logs have it.
    pub fn name(self) -> &'static str {
        match self {
            HalfKind::Person => "person",
            HalfKind::Area => "area",
        }
    }

    /// The half of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|half| half.name() == name)
    }
}

impl fmt::Display for HalfKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many partitions the two halves have: fixed when the topics are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// N: person tasks.
    pub person_tasks: i32,
    /// M: area tasks.
    pub area_tasks: i32,
}

impl Layout {
    /// The number of tasks of a half.
    pub fn tasks(&self, half: HalfKind) -> i32 {
        match half {
            HalfKind::Person => self.person_tasks,
            HalfKind::Area => self.area_tasks,
        }
    }

    /// The task that owns a person.
    pub fn person_task(self, person_id: &str) -> i32 {
        partition_of(person_id.as_bytes(), self.person_tasks)
    }

    /// The task that owns an area or a lab.
    pub fn area_task(self, code: &str) -> i32 {
        partition_of(code.as_bytes(), self.area_tasks)
    }
}

/// The partition Java's default partitioner gives a key: `toPositive(murmur2(key)) % partitions`.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    ((murmur2(key) & 0x7fff_ffff) % partitions as u32) as i32
}

/// Kafka's murmur2 (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let tail = words.remainder();
    for (at, byte) in tail.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !tail.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_kafkas() {
        for (key, expected) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, expected, "{key}");
        }
    }

    #[test]
    fn every_topic_has_a_name_of_its_own() {
        for topic in Topic::ALL {
            assert_eq!(Topic::named(topic.name()), Some(topic));
        }
    }
}
