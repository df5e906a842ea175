//! What clients are for.

/// What a client is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The member of the group.
    Member {
        /// Group.
        group: String,
    },
    /// Reads the other inputs of a worker's tasks, assigned by hand.
    CoPartitioned {
        /// Names the client to the broker's access control; it never joins.
        group: String,
    },
    /// Reads whole partitions to their end, assigned by hand.
    Reader {
        /// Names the client to the broker's access control; it never joins.
        group: String,
    },
    /// Writes in transactions.
    Transactional {
        /// `transactional.id`.
        id: String,
    },
    /// Writes what exists already outside: files, a simulated city.
    Publisher,
    /// Creates and checks topics.
    Admin,
}
