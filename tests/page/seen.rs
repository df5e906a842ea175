//! What a person sees of the page, with a real browser. Without one on the machine these tests say so and are skipped.

use crate::browser::Browser;
use crate::made_up;
use crate::site::Site;
use serde_json::json;
use swabstream::policy::sample::{chongqing_rules, sample_rules};

const TILES: &str = "document.querySelectorAll('.tile:not(.empty)').length";

/// A browser of this width; without one the test says so.
pub fn browser(width: u32) -> Option<Browser> {
    let browser = Browser::start(width);
    if browser.is_none() {
        println!("skipped: there is no chromium on this machine");
    }
    browser
}

/// The page keeps to itself and nothing in it went wrong.
pub fn assert_sound(browser: &Browser, site: &Site) {
    let own = format!("http://{}/", site.address);
    let foreign: Vec<String> = browser.requests().into_iter().filter(|url| !url.starts_with(&own)).collect();
    assert!(foreign.is_empty(), "asked elsewhere: {foreign:?}");
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_district_is_a_tile_and_a_click_away_from_its_chart() {
    let Some(browser) = browser(1300) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/", site.address));
    browser.until(&format!("{TILES} === 38"));
    browser.until("document.querySelector('#link').textContent === 'live'");
    browser.until("document.querySelector('#badges').textContent.includes('ledger balances')");

    browser.value("document.querySelector('[data-code=\"500103\"]').click()");
    browser.until("document.querySelector('#area-title').textContent.startsWith('Yuzhong')");
    browser.until("!!document.querySelector('#chart .line') && !!document.querySelector('#chart .band')");
    assert!(browser.value("document.querySelectorAll('#area-numbers tbody tr').length").as_u64() >= Some(3));
    assert!(browser.text().contains("by policy"), "the tier says why");

    // A method of mixed units has no interval, and the page shows none.
    browser.value(
        "{const m = document.querySelector('#method'); m.value = 'people_over_tests'; \
         m.dispatchEvent(new Event('change'));}",
    );
    browser.until("!!document.querySelector('#chart .line') && !document.querySelector('#chart .band')");
    browser.value("document.querySelector('#by-positivity').click()");
    browser.until("document.querySelector('[data-code=\"500103\"] .value').textContent.includes('%')");
    assert_sound(&browser, &site);
}

#[test]
fn people_are_masked_on_the_page() {
    let Some(browser) = browser(1300) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/", site.address));
    browser.until("document.querySelectorAll('.alert').length > 20");
    let html = browser.value("document.documentElement.outerHTML").to_string();
    assert!(html.contains("PS…(20)"), "the mask is there");
    assert!(!html.contains(made_up::PERSON), "nobody is there whole");
}

#[test]
fn a_withdrawn_alert_says_what_took_it_back() {
    let Some(browser) = browser(1300) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/", site.address));
    browser.until("document.querySelectorAll('.alert.withdrawn').length > 0");
    let why = "[...document.querySelectorAll('.alert.withdrawn .why')].map((one) => one.innerText)";
    let told = browser.value(why);
    let told = told.as_array().expect("texts");
    let says = |text: &serde_json::Value| text.as_str().is_some_and(|text| text.contains("withdrawn by result of "));
    assert!(told.iter().any(says), "{told:?}");
    assert_eq!(
        browser.value(
            "document.querySelectorAll('.alert:not(.withdrawn)').length > 0 && \
             [...document.querySelectorAll('.alert:not(.withdrawn)')]\
             .every((one) => !one.innerText.includes('withdrawn'))"
        ),
        json!(true)
    );
}

#[test]
fn the_page_waits_for_results_and_then_shows_them_without_a_reload() {
    let Some(browser) = browser(1300) else { return };
    let site = Site::empty("127.0.0.1");
    browser.visit(&format!("http://{}/", site.address));
    browser.until("document.querySelector('#map-note').textContent.startsWith('Waiting for the rules')");
    let rules = sample_rules();
    made_up::rules(&site.view, &rules);
    browser.until("document.querySelector('#map-note').textContent.startsWith('Waiting for results')");
    made_up::city(&site.view, &rules, swabstream::model::time::Day(19_000), 5);
    browser.until(&format!("{TILES} === 2"));
    assert_sound(&browser, &site);
}

#[test]
fn the_page_ends_with_its_footer() {
    for width in [1300, 390] {
        let Some(browser) = browser(width) else { return };
        let site = Site::of("127.0.0.1", &chongqing_rules());
        browser.visit(&format!("http://{}/", site.address));
        browser.until("document.querySelectorAll('.alert').length > 20 && !!document.querySelector('#chart .line')");
        let below = "document.documentElement.scrollHeight - Math.max(window.innerHeight, document.querySelector('footer').getBoundingClientRect().bottom + window.scrollY)";
        let below = browser.value(below).as_f64().expect("a length");
        assert!(below < 64.0, "{below} px of nothing below the footer at a width of {width}");
    }
}

#[test]
fn a_phone_shows_the_page_without_scrolling_sideways() {
    let Some(browser) = browser(390) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/", site.address));
    browser.until(&format!("{TILES} === 38"));
    browser.until("!!document.querySelector('#chart .line')");
    assert_eq!(browser.value("document.documentElement.scrollWidth"), json!(390));
    let smallest =
        "Math.min(...[...document.querySelectorAll('.tile')].map((tile) => tile.getBoundingClientRect().width))";
    assert!(browser.value(smallest).as_f64() > Some(30.0), "a finger can meet a tile");
}

#[test]
fn tiles_are_reached_with_the_keyboard() {
    let Some(browser) = browser(1300) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    browser.visit(&format!("http://{}/", site.address));
    browser.until(&format!("{TILES} === 38"));
    browser.value("document.querySelector('[data-code=\"500103\"]').focus()");
    let right =
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))";
    browser.value(right);
    assert_eq!(browser.value("document.activeElement.dataset.code"), json!("500108"), "Nan'an lies east of Yuzhong");
}
