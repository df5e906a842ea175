//! How the state of a person task is stored and comes back: as pages.

use super::PersonHalf;
use crate::policy::Rules;
use crate::state::paged::{Corrupt, Paged};
use crate::state::person::Basis;
use std::sync::Arc;

impl Paged for PersonHalf {
    fn pages(&self) -> u32 {
        self.state.pages()
    }

    fn image(&self, page: u32, into: &mut Vec<u8>) {
        self.state.image(page, into);
    }

    fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt> {
        self.state.load(page, image, format)
    }

    fn replay(&mut self, page: u32, operation: &[u8], format: u32) -> Result<(), Corrupt> {
        self.state.replay(page, operation, format)
    }

    fn restored(&mut self) -> Result<(), Corrupt> {
        self.state.restored()?;
        match self.state.basis() {
            Some(basis) if basis.digest() == self.rules.digest => self.state.share_basis(self.rules.clone()),
            Some(Basis::Stored(_, records)) => {
                // Until others are adopted, the numbers are what these rules made of the rows.
                let rules = Rules::from_records(records).map_err(|_| Corrupt("the stored rules have errors".into()))?;
                self.rules = Arc::new(rules);
            }
            _ => (),
        }
        self.places.learn(&self.state, &self.rules);
        Ok(())
    }
}
