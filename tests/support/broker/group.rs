//! A consumer group: members, generations, cooperative rebalances, committed offsets.

use super::transactions::{Membership, PendingOffset, Refused};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;

/// A group that places the tasks of one half.
pub struct Group {
    tasks: i32,
    /// Counts every rebalance that was completed.
    generation: u64,
    /// Tasks were released: the next rebalance comes as soon as a member asks.
    released: bool,
    members: BTreeMap<u64, Member>,
    offsets: HashMap<(Topic, i32), (i64, String)>,
}

#[derive(Default)]
struct Member {
    /// When it last gave a sign of life.
    heard: Timestamp,
    /// Tasks it has and nobody else may get.
    owned: BTreeSet<i32>,
    /// Tasks it shall have.
    target: BTreeSet<i32>,
    /// Tasks it was asked to give back.
    revoking: BTreeSet<i32>,
}

/// What a member hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    None,
    /// Tasks it has now.
    Assigned(Vec<i32>),
    /// Tasks it shall give back.
    Revoked(Vec<i32>),
    /// The group no longer knows it.
    Expelled,
}

impl Group {
    pub fn new(tasks: i32) -> Self {
        Self { tasks, generation: 0, released: false, members: BTreeMap::new(), offsets: HashMap::new() }
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn knows(&self, member: u64) -> bool {
        self.members.contains_key(&member)
    }

    pub fn join(&mut self, member: u64, now: Timestamp) {
        self.members.insert(member, Member { heard: now, ..Member::default() });
        self.rebalance();
    }

    /// A sign of life.
    pub fn hear(&mut self, member: u64, now: Timestamp) {
        if let Some(member) = self.members.get_mut(&member) {
            member.heard = now;
        }
    }

    /// Drops members that were not heard of since.
    pub fn expire(&mut self, limit: Timestamp) -> usize {
        let before = self.members.len();
        self.members.retain(|_, member| member.heard >= limit);
        let gone = before - self.members.len();
        if gone > 0 {
            self.rebalance();
        }
        gone
    }

    /// Whether another member has any of these tasks.
    pub fn others_own(&self, member: u64, tasks: impl Iterator<Item = i32>) -> bool {
        let owned =
            |task: i32| self.members.iter().any(|(other, state)| *other != member && state.owned.contains(&task));
        tasks.into_iter().any(owned)
    }

    /// The member goes, by its will or because it was not heard of: its tasks are free at once.
    pub fn remove(&mut self, member: u64) {
        if self.members.remove(&member).is_some() {
            self.rebalance();
        }
    }

    /// What a member learns next.
    pub fn news(&mut self, member: u64) -> News {
        if std::mem::take(&mut self.released) {
            self.generation += 1;
        }
        let taken: BTreeSet<i32> = self.members.values().flat_map(|other| other.owned.iter().copied()).collect();
        let Some(own) = self.members.get_mut(&member) else { return News::Expelled };
        let revoked: Vec<i32> = own
            .owned
            .iter()
            .copied()
            .filter(|task| !own.target.contains(task) && !own.revoking.contains(task))
            .collect();
        if !revoked.is_empty() {
            own.revoking.extend(&revoked);
            return News::Revoked(revoked);
        }
        let assigned: Vec<i32> = own.target.iter().copied().filter(|task| !taken.contains(task)).collect();
        if assigned.is_empty() {
            return News::None;
        }
        own.owned.extend(&assigned);
        News::Assigned(assigned)
    }

    /// The member has let go of tasks: now others get them, in a rebalance of its own.
    pub fn release(&mut self, member: u64, tasks: &[i32]) {
        let Some(own) = self.members.get_mut(&member) else { return };
        for task in tasks {
            assert!(own.revoking.remove(task), "task {task} was given back although it was not revoked");
            own.owned.remove(task);
        }
        self.released = true;
    }

    /// Refuses whoever is not a member of this generation. As Kafka does it, nothing is checked of somebody who names
    /// neither.
    pub fn check(&self, of: Membership) -> Result<(), Refused> {
        let Membership { member, generation } = of;
        if (member, generation) == (0, -1) {
            return Ok(());
        }
        if !self.knows(member) {
            return Err(Refused::Member("the group does not know the member".to_owned()));
        }
        if generation != self.generation as i64 {
            return Err(Refused::Generation(format!("generation {generation} is not {}", self.generation)));
        }
        Ok(())
    }

    pub fn offset(&self, topic: Topic, partition: i32) -> Option<i64> {
        self.offsets.get(&(topic, partition)).map(|(next, _)| *next)
    }

    /// All committed offsets with their metadata.
    pub fn committed(&self) -> impl Iterator<Item = ((Topic, i32), (i64, &str))> {
        self.offsets.iter().map(|(place, (next, metadata))| (*place, (*next, metadata.as_str())))
    }

    pub fn metadata(&self, topic: Topic, partition: i32) -> Option<&str> {
        self.offsets.get(&(topic, partition)).map(|(_, metadata)| metadata.as_str())
    }

    pub fn set_offset(&mut self, offset: PendingOffset) {
        let PendingOffset { topic, partition, next, metadata, .. } = offset;
        let before = self.offset(topic, partition).unwrap_or(0);
        assert!(next >= before, "{}/{partition}: offset {next} committed after {before}", topic.name());
        self.offsets.insert((topic, partition), (next, metadata));
    }

    /// Spreads the tasks evenly and moves as few as that takes.
    fn rebalance(&mut self) {
        self.generation += 1;
        let Some(share) = (self.tasks as usize).checked_div(self.members.len()) else { return };
        let mut larger = self.tasks as usize % self.members.len();
        let mut free: BTreeSet<i32> = (0..self.tasks).collect();
        for member in self.members.values_mut() {
            let room = share + usize::from(larger > 0);
            member.target = member.owned.iter().copied().take(room).collect();
            larger -= usize::from(larger > 0 && member.target.len() == room);
            free.retain(|task| !member.target.contains(task));
        }
        // Whoever has least gets the next.
        for task in free {
            let poorest = self.members.values_mut().min_by_key(|member| member.target.len());
            poorest.expect("there is a member").target.insert(task);
        }
    }
}
