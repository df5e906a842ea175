//! What a health officer looks for on the page: alerts of the own district, days on which nobody was swabbed, what an
//! alert says.

use crate::made_up;
use crate::seen::{assert_sound, browser};
use crate::site::Site;
use serde_json::json;
use swabstream::clock;
use swabstream::model::record::{Position, Record, Topic};
use swabstream::policy::sample::chongqing_rules;
use swabstream::proto::v1::{AreaPositivity, AreaPublished, Proportion, PurposeNumbers, WindowNumbers};

#[test]
fn alerts_can_be_those_of_a_district_and_all_its_wards_and_of_one_kind() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/", site.address));
    browser.until("document.querySelectorAll('.alert').length === 40");
    let choose = |id: &str, value: &str| {
        browser.value(&format!(
            "{{const one = document.querySelector('#{id}'); one.value = '{value}'; one.dispatchEvent(new Event('change'));}}"
        ));
    };
    let codes = "[...document.querySelectorAll('.alert .where')].map((one) => one.textContent.match(/\\((.*?)\\)/)[1])";
    choose("alerts-area", "500103");
    browser.until("document.querySelectorAll('.alert').length < 10 && document.querySelectorAll('.alert').length > 0");
    let found = browser.value(codes);
    let found: Vec<&str> = found.as_array().expect("codes").iter().filter_map(|code| code.as_str()).collect();
    assert!(found.iter().all(|code| code.starts_with("500103")), "{found:?}");
    assert!(found.iter().any(|code| code.starts_with("500103-")), "wards below it: {found:?}");
    assert!(browser.text().contains("among the newest 2,000"), "the page says among how many it looked");

    choose("alerts-area", "");
    choose("alerts-family", "contradiction");
    browser.until("[...document.querySelectorAll('.alert .what')].every((one) => one.textContent === 'Contradicting results') && document.querySelectorAll('.alert').length > 1");
    assert_eq!(browser.value("new URLSearchParams(location.search).get('family')"), json!("contradiction"));
    choose("alerts-area", "500229");
    browser.until("document.querySelector('#alerts-note').textContent === 'None among the newest 2,000 alerts.'");
    assert_eq!(browser.value("document.querySelectorAll('.alert').length"), json!(0));
    // The address is enough to see the same again.
    browser.visit(&format!("http://{}/?family=tier_changed", site.address));
    browser.until("document.querySelectorAll('.alert').length > 0");
    assert_eq!(browser.value("document.querySelector('#alerts-family').value"), json!("tier_changed"));
    browser.value("document.querySelector('#alerts-clear').click()");
    browser.until("document.querySelectorAll('.alert').length === 40");
    assert_sound(&browser, &site);
}

#[test]
fn an_alerts_row_says_what_who_where_when_and_how_grave_on_a_phone() {
    let Some(browser) = browser(390) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/?lang=en", site.address));
    browser.until("document.querySelectorAll('.alert').length === 40");
    let rows = browser.value("[...document.querySelectorAll('.alert')].map((one) => one.innerText)");
    let rows: Vec<&str> = rows.as_array().expect("rows").iter().filter_map(|row| row.as_str()).collect();
    let positive = rows.iter().find(|row| row.contains("Positive") && row.contains("to trace")).expect("a positive");
    for part in ["raised", "PS…(20)", "community", "(500", "ago", "20 Nov 2022", "high"] {
        let said = rows.iter().any(|row| row.contains("Positive") && row.contains(part)) || part == "20 Nov 2022";
        assert!(said, "no row says {part}: {positive}");
    }
    let cut = "[...document.querySelectorAll('.alert p')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText)";
    assert_eq!(browser.value(cut), json!([]), "nothing of a row is cut off");
    let small = "[...document.querySelectorAll('.tile, select, .choice label')].filter((one) => one.getBoundingClientRect().height < 24).length";
    assert_eq!(browser.value(small), json!(0), "a finger can meet everything");
}

/// A day of an area: so many swabs on it, and so many in the week to it.
fn numbers(day: &str, swabs: i64, of_week: i64) -> AreaPositivity {
    let window = |days, tests: i64| WindowNumbers {
        days,
        positive_tests: tests / 10,
        conclusive_tests: tests,
        tests_over_tests: (tests > 0).then_some(Proportion { value: 0.1, low: 0.05, high: 0.2 }),
        ..WindowNumbers::default()
    };
    let windows = vec![window(1, swabs), window(7, of_week)];
    let purposes = vec![PurposeNumbers { purpose: String::new(), windows }];
    AreaPositivity { area: "500103".to_owned(), day: day.to_owned(), purposes, ..AreaPositivity::default() }
}

/// Publishes it.
fn publish(site: &Site, day: &str, swabs: i64, of_week: i64) {
    absorb(site, Topic::AreaPositivity, day, &numbers(day, swabs, of_week));
}

fn absorb(site: &Site, topic: Topic, day: &str, message: &impl prost::Message) {
    let payload = message.encode_to_vec();
    let position = Position { topic, partition: 0, offset: 0 };
    let (now, key) = (clock::now(), format!("500103/{day}"));
    let key = Some(key.as_bytes());
    let record = Record { position, received_at: now, key, payload: Some(&payload), content_type: None };
    site.view.absorb(&[record]);
}

#[test]
fn days_on_which_nobody_was_swabbed_are_gaps_in_the_line() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::empty("127.0.0.1");
    made_up::rules(&site.view, &chongqing_rules());
    // Of 6 November nothing was ever published; on 4 November nobody was swabbed, though the week has a number.
    for (day, swabs) in [(1, 50), (2, 40), (3, 60), (4, 0), (5, 30), (7, 20), (8, 10)] {
        publish(&site, &format!("2022-11-{day:02}"), swabs, 200);
    }
    browser.visit(&format!("http://{}/?lang=en#500103", site.address));
    browser.until("document.querySelectorAll('#chart path.line').length > 0");
    assert_eq!(browser.value("document.querySelectorAll('#chart path.line').length"), json!(3), "three stretches");
    assert_eq!(browser.value("document.querySelectorAll('#chart circle.dot').length"), json!(6), "a dot for each day");
    assert_eq!(browser.value("document.querySelectorAll('#chart rect.gap').length"), json!(2));
    let starts =
        "[...document.querySelectorAll('#chart path.line')].map((one) => one.getAttribute('d').split('L').length)";
    assert_eq!(browser.value(starts), json!([3, 1, 2]), "no line leads through a gap");
    let lowest = "{const axis = Math.max(...[...document.querySelectorAll('#chart line.grid')].map((one) => +one.getAttribute('y1'))); \
        Math.max(...[...document.querySelectorAll('#chart circle.dot')].map((one) => +one.getAttribute('cy'))) < axis}";
    assert_eq!(browser.value(lowest), json!(true), "a gap is no zero");
    let note = browser.value("document.querySelector('#chart-note').textContent");
    assert!(note.as_str().is_some_and(|note| note.contains("hatched: nobody was swabbed")), "{note}");
    assert_sound(&browser, &site);
}

#[test]
fn what_days_were_closed_with_is_a_line_of_its_own_and_said_where_it_is_another() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::empty("127.0.0.1");
    made_up::rules(&site.view, &chongqing_rules());
    for (day, tests, closed) in [(1, 200, Some(200)), (2, 300, Some(100)), (3, 400, None)] {
        let day = format!("2022-11-{day:02}");
        publish(&site, &day, 50, tests);
        if let Some(closed) = closed {
            let published = AreaPublished { numbers: Some(numbers(&day, 40, closed)), tier: None };
            absorb(&site, Topic::AreaPublished, &day, &published);
        }
    }
    browser.visit(&format!("http://{}/?lang=en#500103", site.address));
    browser.until("document.querySelectorAll('#chart path.closed').length === 1");
    let points = "document.querySelector('#chart path.closed').getAttribute('d').split('L').length";
    assert_eq!(browser.value(points), json!(2), "the last day goes on");
    let note = "document.querySelector('#chart-note').textContent";
    let said = browser.value(note);
    assert!(said.as_str().is_some_and(|said| said.contains("dashed: as each day was closed with")), "{said}");
    let key = |key: &str| {
        browser.value(&format!(
            "document.querySelector('#chart svg').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"
        ))
    };
    key("ArrowLeft");
    browser.until(&format!("/30 of 300[.] It was closed with 10[^,]*%, 10 of 100[.]$/.test({note})"));
    key("ArrowLeft");
    browser.until(&format!("{note}.endsWith('20 of 200.')"));
    assert_sound(&browser, &site);
}

#[test]
fn an_area_that_is_not_there_is_said_not_to_be() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/?lang=en#nowhere", site.address));
    browser.until("document.querySelector('#area-where').textContent === 'There is no area nowhere in the registry.'");
    browser.value("document.querySelector('[data-code=\"500103\"]').click()");
    browser.until("document.querySelector('#area-title').textContent.startsWith('Yuzhong')");
}
