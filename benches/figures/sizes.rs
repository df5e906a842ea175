//! How large the state is and what that costs: the core and its state alone, in one thread, at real sizes.
//!
//! Every second day each person has a result, for longer than rows are held: from then on nothing grows any more. The
//! last days are measured.

use super::city::City;
use super::figures::{Figures, memory};
use super::midnight::midnight;
use super::workload::Shape;
use super::workload::rounds::Round;
use super::{Scale, workload::Sent};
use swabstream::model::time::Timestamp;

const NOW: Timestamp = Timestamp(1_670_000_000_000);
/// Horizon of 7 days, longest window of 14, and a day for messages on their way: rows are held for so long.
const HELD_DAYS: u32 = 22;
/// Measured after that.
const MEASURED_DAYS: u32 = 2;
/// A result every second day.
const EVERY: u32 = 2;
/// Results made at once.
const CHUNK: usize = 100_000;
const MILLION: u32 = 1_000_000;
/// More than what a person takes, for choosing a number that fits.
const ROOM_PER_PERSON: u64 = 420;

/// Bytes per person, and what a result of many people costs beside one of few.
pub fn sizes(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let (few, many) = (if scale.quick { 50_000 } else { MILLION }, scale.people);
    let free = memory("/proc/meminfo", "MemAvailable:");
    let fits = (free / ROOM_PER_PERSON).min(u64::from(many)) as u32;
    if fits < many {
        println!("{many} people do not fit into the {} MiB that are free: {fits} instead", free >> 20);
    }
    // First the larger: what it leaves behind would pass for room that the other does not take.
    let large = measure(fits);
    let small = measure(few);
    figures.add("core_ns_per_result_1m", "ns", small.ns_per_result);
    figures.add("core_ns_per_result_32m", "ns", large.ns_per_result);
    figures.add("bytes_per_person", "B", large.bytes_per_person);
    figures.add("people_of_bytes_per_person", "1", f64::from(fits));
    figures.add("cost_ratio_32m_to_1m", "1", large.ns_per_result / small.ns_per_result);
    midnight(scale, figures);
    Ok(())
}

struct Size {
    ns_per_result: f64,
    bytes_per_person: f64,
}

fn measure(people: u32) -> Size {
    let shape = Shape { people, ..Shape::default() };
    let before = memory("/proc/self/status", "VmRSS:");
    let mut city = City::new(shape, NOW);
    for day in 0..HELD_DAYS + MEASURED_DAYS {
        if day == HELD_DAYS {
            city.spent = Default::default();
        }
        let now = NOW.plus_days(i64::from(day));
        city.pass_to(now);
        let collected_at = now.plus_hours(-5);
        let streets = shape.streets;
        let round = Round { people, every: EVERY, streets, number: day, revision: 0, collected_at };
        read(&mut city, round);
    }
    let bytes = memory("/proc/self/status", "VmRSS:").saturating_sub(before);
    let size = Size {
        ns_per_result: city.spent.per_result(city.spent.total()),
        bytes_per_person: bytes as f64 / f64::from(people),
    };
    println!(
        "{people} people: {} rows, {:.1} bytes resident each ({:.1} of people's state), {:.0} ns of processor time per result ({:.0} apply, {:.0} \
         commit, {:.0} areas)",
        city.held("rows"),
        size.bytes_per_person,
        city.held("bytes") as f64 / f64::from(people),
        size.ns_per_result,
        city.spent.per_result(city.spent.apply),
        city.spent.per_result(city.spent.commit),
        city.spent.per_result(city.spent.area_apply + city.spent.area_commit),
    );
    size
}

fn read(city: &mut City, round: Round) {
    let mut results = round.results();
    loop {
        let chunk: Vec<Sent> = results.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        city.read(&chunk);
    }
}
