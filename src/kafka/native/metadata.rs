//! What the brokers say of topics. These calls wait for the answer.

use super::handle::{Handle, Queue};
use super::request::{Event, NoAnswer, Options, poll_queue, slice_of};
use super::values::{ErrorCode, describe, millis};
use crate::clock;
use crate::kafka::acl::missing_acl;
use crate::kafka::error::Error;
use crate::kafka::refusal::Refusal;
use rdkafka_sys as sys;
use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

/// Pause between two tries to reach a broker.
const AGAIN: Duration = Duration::from_millis(100);

/// How long a look for leaders may hold up a worker.
const REFRESH_LIMIT: Duration = Duration::from_millis(500);

/// How much later than agreed the library may say that there was no answer.
const GRACE: Duration = Duration::from_secs(1);

/// How long the first try may take: between two it is looked whether somebody refuses us.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// Why no broker answered.
#[derive(Debug)]
pub(in crate::kafka) struct Unreached {
    /// What the library says of it.
    pub(in crate::kafka) error: Error,
    /// What the broker answered when it tried, if that is why.
    pub(in crate::kafka) refusal: Option<Refusal>,
}

/// What a topic is known by beside its name: one that was deleted and created anew has another. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct TopicId(i64, i64);

impl Handle {
    /// Learns anew who leads a topic's partitions. After a broker restarted, questions to the leader of before are
    /// refused, and the refusal alone does not make the library look again.
    pub(in crate::kafka) fn refresh(&self, topic: &CStr) {
        // Without an answer the next question fails as the last one did, and this is tried again.
        let _ = self.partitions(topic, REFRESH_LIMIT);
    }

    /// Waits until a broker answers. A connection that breaks is tried again; one that is refused is not waited for.
    pub(in crate::kafka) fn reach(&self, limit: Duration) -> Result<(), Unreached> {
        let (began, mut look) = (clock::monotonic(), FIRST_LOOK);
        loop {
            let left = limit.saturating_sub(began.elapsed());
            let Err(error) = Metadata::ask(self, None, left.min(look)) else {
                self.welcome();
                return Ok(());
            };
            let refusal = self.refusal().filter(|refusal| left <= AGAIN || refusal.is_final());
            if left <= AGAIN || refusal.is_some() {
                return Err(Unreached { error, refusal });
            }
            std::thread::sleep(AGAIN);
            // A broker far away, or slow, may need longer for its answer.
            look *= 2;
        }
    }

    /// How many partitions a topic has; 0 when there is no such topic.
    pub(in crate::kafka) fn partitions(&self, topic: &CStr, limit: Duration) -> Result<i32, Error> {
        let handle = TopicHandle::new(self, topic)?;
        let metadata = Metadata::ask(self, Some(&handle), limit)?;
        metadata.counts().next().map_or(Ok(0), |(_, count)| count)
    }

    /// The same of several topics, with one question. Topics that the broker says nothing certain of are left out.
    pub(in crate::kafka) fn partition_counts(
        &self,
        topics: &[&CStr],
        limit: Duration,
    ) -> Result<Vec<(CString, i32)>, Error> {
        // Those that the client knows are asked for, so it has to know them until the answer.
        let known: Result<Vec<TopicHandle>, Error> = topics.iter().map(|topic| TopicHandle::new(self, topic)).collect();
        let metadata = Metadata::ask(self, None, limit)?;
        drop(known?);
        Ok(metadata.counts().filter_map(|(name, count)| Some((name, count.ok()?))).collect())
    }

    /// Ids of topics. Those of which the broker tells none are left out: all, if it is older than ids (Kafka 2.8).
    ///
    /// It is a question about topics, which goes to the broker that counts as the controller: what aborts the process
    /// when a group's coordinator breaks off (librdkafka issue 4605) is not on its way. But a client that is closed in
    /// the moment its answer is read would abort as well: so the end of the question is always waited for here.
    pub(in crate::kafka) fn topic_ids(
        &self,
        topics: &[&CStr],
        limit: Duration,
    ) -> Result<Vec<(CString, TopicId)>, Error> {
        let queue = Queue::new(self);
        let options = Options::new(self, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, limit);
        let mut names: Vec<*const c_char> = topics.iter().map(|topic| topic.as_ptr()).collect();
        // SAFETY: all live; the library copies the names, and what it keeps of the rest.
        unsafe {
            let wanted = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            sys::rd_kafka_DescribeTopics(self.as_ptr(), wanted, options.0, queue.as_ptr());
            sys::rd_kafka_TopicCollection_destroy(wanted);
        }
        match poll_queue(&queue, sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT, limit + GRACE) {
            Some(event) => Ok(event?.topic_ids()),
            None => Err(Error::new("asking for topic ids: no answer in time")),
        }
    }
}

impl Event {
    fn topic_ids(&self) -> Vec<(CString, TopicId)> {
        let mut count = 0;
        // SAFETY: the event is live and of this kind, checked by the caller; what it holds lives as long.
        let topics = unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(self.0);
            slice_of(sys::rd_kafka_DescribeTopics_result_topics(result, &mut count), count)
        };
        // A topic that the broker left out has no description.
        let described = topics.iter().filter(|topic| !topic.is_null());
        // SAFETY: as above; each description has a name and an id, zero where there is none.
        let ids = described.map(|topic| unsafe {
            let id = sys::rd_kafka_TopicDescription_topic_id(*topic);
            let id = (sys::rd_kafka_Uuid_most_significant_bits(id), sys::rd_kafka_Uuid_least_significant_bits(id));
            (CStr::from_ptr(sys::rd_kafka_TopicDescription_name(*topic)).to_owned(), TopicId(id.0, id.1))
        });
        ids.filter(|(_, id)| *id != TopicId(0, 0)).collect()
    }
}

/// A topic as a client knows it.
#[derive(Debug)]
pub(super) struct TopicHandle(NonNull<sys::rd_kafka_topic_t>);

// SAFETY: topics may be used from any thread.
unsafe impl Send for TopicHandle {}

impl TopicHandle {
    /// Drop it before the client.
    pub(super) fn new(handle: &Handle, name: &CStr) -> Result<Self, Error> {
        // SAFETY: the client is live.
        unsafe { Self::of(handle.as_ptr(), name) }
    }

    /// # Safety
    /// The client is live.
    unsafe fn of(client: *mut sys::rd_kafka_t, name: &CStr) -> Result<Self, Error> {
        // SAFETY: the client is live, as the caller vouches, and so is the name; a null configuration means defaults.
        let topic = unsafe { sys::rd_kafka_topic_new(client, name.as_ptr(), std::ptr::null_mut()) };
        NonNull::new(topic)
            .map(Self)
            .ok_or_else(|| Error::new(format!("{} is no name for a topic", name.to_string_lossy())))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rd_kafka_topic_t {
        self.0.as_ptr()
    }
}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: ours; the client still lives.
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

/// Waits until the client knows who leads each of these partitions, which come topic by topic.
///
/// # Safety
/// The client is live.
pub(super) unsafe fn know_leaders(
    client: *mut sys::rd_kafka_t,
    partitions: &[(CString, i32)],
    limit: Duration,
) -> Result<(), NoAnswer> {
    for of_topic in partitions.chunk_by(|(topic, _), (other, _)| topic == other) {
        let name = &of_topic[0].0;
        let unnamed =
            |error: Error| NoAnswer { code: ErrorCode::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, text: error.to_string() };
        // SAFETY: the client is live, as the caller vouches.
        let topic = unsafe { TopicHandle::of(client, name) }.map_err(unnamed)?;
        // SAFETY: as above.
        let metadata = unsafe { Metadata::by(client, Some(&topic), limit) }?;
        if let Some((partition, code)) = metadata.leaderless(of_topic.iter().map(|(_, partition)| *partition)) {
            return Err(NoAnswer::about(name, partition, code));
        }
    }
    Ok(())
}

/// An answer of a broker.
struct Metadata(*const sys::rd_kafka_metadata);

impl Metadata {
    /// Asks for one topic, or for all that the client knows.
    fn ask(handle: &Handle, only: Option<&TopicHandle>, limit: Duration) -> Result<Self, Error> {
        // SAFETY: the client is live.
        unsafe { Self::by(handle.as_ptr(), only, limit) }.map_err(Error::from)
    }

    /// # Safety
    /// The client is live.
    unsafe fn by(client: *mut sys::rd_kafka_t, only: Option<&TopicHandle>, limit: Duration) -> Result<Self, NoAnswer> {
        let only = only.map_or(std::ptr::null_mut(), TopicHandle::as_ptr);
        let mut metadata = std::ptr::null();
        // SAFETY: the client is live, as the caller vouches, and so is the topic; on success `metadata` is ours.
        match unsafe { sys::rd_kafka_metadata(client, 0, only, &mut metadata, millis(limit)) } {
            ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(Self(metadata)),
            code => Err(NoAnswer { code, text: format!("asking for topics: {}", describe(code)) }),
        }
    }

    /// The first of these partitions of its only topic that nobody leads.
    fn leaderless(&self, wanted: impl Iterator<Item = i32>) -> Option<(i32, ErrorCode)> {
        // SAFETY: live until dropped; it counts the topics and partitions it holds.
        let (refused, partitions) = unsafe {
            let topic = slice_of((*self.0).topics, (*self.0).topic_cnt as usize).first()?;
            (topic.err, slice_of(topic.partitions, topic.partition_cnt as usize))
        };
        let why = |number: i32| match partitions.iter().find(|partition| partition.id == number) {
            _ if refused != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Some((number, refused)),
            None => Some((number, ErrorCode::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)),
            Some(found) if found.leader < 0 => Some((number, ErrorCode::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)),
            Some(_) => None,
        };
        wanted.filter_map(why).next()
    }

    /// Each topic with the number of its partitions, 0 when there is none; an error when that is not certain.
    fn counts(&self) -> impl Iterator<Item = (CString, Result<i32, Error>)> + '_ {
        // SAFETY: live until dropped; it counts the topics it holds.
        let topics = unsafe {
            match (*self.0).topic_cnt {
                0 => &[][..],
                count => std::slice::from_raw_parts((*self.0).topics, count as usize),
            }
        };
        topics.iter().map(|topic| {
            // SAFETY: each topic has a name.
            let name = unsafe { CStr::from_ptr(topic.topic) }.to_owned();
            let count = match topic.err {
                ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(topic.partition_cnt),
                ErrorCode::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                | ErrorCode::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID
                | ErrorCode::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC => Ok(0),
                ErrorCode::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => {
                    Err(Error::new(missing_acl("Describe", &format!("--topic {}", name.to_string_lossy()))))
                }
                code => Err(Error::new(format!("{}: {}", name.to_string_lossy(), describe(code)))),
            };
            (name, count)
        })
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::rd_kafka_metadata_destroy(self.0) };
    }
}
