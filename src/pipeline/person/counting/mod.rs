//! What a person adds to the numbers of areas: the [difference](contribution) that a change makes, gathered in
//! [`cells`] between two commits, and [sent](cell_messages) to the areas' tasks.

pub mod cell_messages;
pub mod cells;
pub mod contribution;
pub mod signed_cell;
