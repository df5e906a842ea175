//! What a person adds to the numbers of areas: the [difference](contribution) that a change makes, gathered in
//! [`cells`] between two commits as [`events`] (and [`pools`] beside them), [`spread`] over the areas and
//! [sent](cell_messages) to their tasks.

pub mod cell_messages;
pub mod cells;
pub mod contribution;
pub mod events;
pub mod neighbours;
pub mod place;
pub mod pools;
pub mod spread;
