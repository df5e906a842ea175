//! A state as it is stored: its pages.

use swabstream::state::paged::Paged;

/// The image of every page, in order.
pub fn images_of(state: &impl Paged) -> Vec<Vec<u8>> {
    let image = |page| {
        let mut image = Vec::new();
        state.image(page, &mut image);
        image
    };
    (0..state.pages()).map(image).collect()
}
