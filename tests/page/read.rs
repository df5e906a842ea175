//! That everybody can read the page: in both languages, at both widths, in light and dark, with and without eyes.

use crate::browser::Browser;
use crate::seen::{assert_sound, browser};
use crate::site::Site;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use swabstream::model::outcome::{End, Outcome, codes};
use swabstream::policy::sample::chongqing_rules;
use swabstream::proto::v1::{
    AlertFamily, AlertState, CauseKind, Channel, Finding, Outcome as WireOutcome, PooledInterval, ResultStatus,
    Severity,
};

const WIDTHS: [u32; 2] = [1400, 390];
const LANGUAGES: [&str; 2] = ["en-US", "zh-CN"];

/// The page is there with all its parts.
fn visit(browser: &Browser, site: &Site, language: &str) {
    browser.speak(language);
    // Another address each time: to the same one with another fragment a browser only scrolls.
    browser.visit(&format!("http://{}/?visit={language}#500103", site.address));
    browser.until("document.querySelectorAll('.tile:not(.empty)').length === 38");
    browser.until("!!document.querySelector('#chart .line') && !!document.querySelector('#books table')");
    browser.until("document.querySelectorAll('.alert').length > 20");
}

/// Looks at the page at both widths, in both languages.
fn everywhere(look: impl Fn(&Browser, &str)) {
    for width in WIDTHS {
        let Some(browser) = browser(width) else { return };
        let site = Site::of("127.0.0.1", &chongqing_rules());
        for language in LANGUAGES {
            visit(&browser, &site, language);
            look(&browser, &format!("{width} pixels, {language}"));
        }
        assert_sound(&browser, &site);
    }
}

#[test]
fn every_column_of_every_table_is_seen_at_both_widths_in_both_languages() {
    // Every value lies within the card it is in, and nothing has to be scrolled sideways for it.
    let hidden = "[...document.querySelectorAll('tbody td, tbody th')].filter((cell) => { \
        const box = cell.getBoundingClientRect(), card = cell.closest('.card').getBoundingClientRect(); \
        const scrolls = (node) => node && (node.scrollWidth > node.clientWidth + 1 || scrolls(node.parentElement.closest('.card, .table'))); \
        const empty = cell.textContent === ''; \
        return !empty && (box.width < 1 || box.height < 1 || box.right > card.right || box.left < card.left || scrolls(cell.closest('.table'))); \
        }).map((cell) => cell.textContent)";
    let tables = "document.querySelectorAll('table').length";
    everywhere(|browser, place| {
        assert_eq!(browser.value(hidden), json!([]), "{place}");
        // What is to be done, what an area counts, what its pools say, why its tier is what it is, what the last days
        // measured, and what the process does.
        assert_eq!(browser.value(tables), json!(6), "{place}");
        let beside = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.value(beside), json!(0), "{place}");
    });
}

#[test]
fn names_are_never_broken_within_a_word() {
    let broken = "[...document.querySelectorAll('.tile .word')].filter((word) => { \
        const box = word.getBoundingClientRect(), tile = word.closest('.tile').getBoundingClientRect(); \
        return word.getClientRects().length !== 1 || box.left < tile.left || box.right > tile.right || box.bottom > tile.bottom; \
        }).map((word) => word.textContent)";
    let smallest = "Math.min(...[...document.querySelectorAll('.tile .name')].map((name) => parseFloat(getComputedStyle(name).fontSize)))";
    everywhere(|browser, place| {
        assert_eq!(browser.value(broken), json!([]), "{place}");
        assert!(browser.value(smallest).as_f64() >= Some(10.5), "{place}: letters nobody reads");
    });
}

#[test]
fn the_page_speaks_the_language_of_the_browser_and_of_the_switch() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    let yuzhong = "document.querySelector('[data-code=\"500103\"] .name')?.textContent";
    let language = "document.documentElement.lang";
    visit(&browser, &site, "zh-CN");
    assert_eq!((browser.value(language), browser.value(yuzhong)), (json!("zh-CN"), json!("渝中区")));
    assert!(browser.text().contains("最新预警"), "{}", browser.text());

    browser.value("document.querySelector('#by-en').click()");
    browser.until(&format!("{language} === 'en' && {yuzhong} === 'Yuzhong'"));
    assert!(browser.text().contains("Newest alerts"), "{}", browser.text());
    assert_eq!(browser.value("document.activeElement.id"), json!("by-en"), "the keyboard stays where it was");
    browser.visit(&format!("http://{}/", site.address));
    browser.until(&format!("{language} === 'en' && {yuzhong} === 'Yuzhong'"));
    browser.visit(&format!("http://{}/?lang=zh", site.address));
    browser.until(&format!("{language} === 'zh-CN' && {yuzhong} === '渝中区'"));

    visit(&browser, &site, "fr-FR");
    assert_eq!(browser.value(language), json!("en"), "what was chosen last by hand is remembered");
    assert_sound(&browser, &site);
}

#[test]
fn days_and_numbers_are_written_as_the_language_writes_them() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    for (language, day) in [("en-GB", "20 Nov 2022"), ("en-US", "Nov 20, 2022"), ("zh-CN", "2022年11月20日")] {
        visit(&browser, &site, language);
        let subtitle = browser.value("document.querySelector('#subtitle').textContent");
        assert!(subtitle.as_str().is_some_and(|text| text.contains(day)), "{language}: {subtitle}");
    }
    let population = browser.value("document.querySelector('#area-where').textContent");
    assert!(population.as_str().is_some_and(|text| text.contains("588,717 人")), "{population}");
}

#[test]
fn nothing_is_left_in_english_where_chinese_is_read() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::of("127.0.0.1", &chongqing_rules());
    visit(&browser, &site, "zh-CN");
    let words = browser.value(
        "{const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = new Set(); \
         for (let node; (node = nodes.nextNode());) if (!node.parentElement.closest('noscript, .lab-list, #title, #area-title, #language, [href]')) \
         for (const word of node.textContent.match(/[A-Za-z]{3,}/g) ?? []) found.add(word); [...found]}",
    );
    // Names of methods, ids of policies.
    let known = ["Wilson", "cases", "cdc", "community", "transmission", "LAB"];
    let left: Vec<&Value> =
        words.as_array().expect("words").iter().filter(|word| !known.iter().any(|known| word == known)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_text_is_there_in_both_languages_and_every_word_of_the_contract_has_one() {
    let Some(browser) = browser(1400) else { return };
    let site = Site::empty("127.0.0.1");
    browser.visit(&format!("http://{}/", site.address));
    let texts = browser.value("import('/page/texts.js').then((texts) => texts.TEXTS)");
    let texts = texts.as_object().expect("a table");
    let places =
        |text: &str| text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
    for (key, both) in texts {
        let both: Vec<&str> = both.as_array().expect("two").iter().filter_map(Value::as_str).collect();
        assert!(both.len() == 2 && both.iter().all(|text| !text.is_empty()), "{key}: {both:?}");
        let [mut english, mut chinese]: [Vec<String>; 2] = [places(both[0]), places(both[1])];
        english.sort();
        chinese.sort();
        assert_eq!(english, chinese, "{key} has other values in the other language");
    }
    fn all<T: TryFrom<i32>>(kind: &str, name: impl Fn(T) -> String) -> Vec<String> {
        let of = |number| T::try_from(number).ok();
        (1..).map_while(of).map(|value| format!("{kind}.{}", name(value))).collect()
    }
    let lower = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_ascii_lowercase();
    let mut words = all("family", |one: AlertFamily| lower(one.as_str_name(), "ALERT_FAMILY_"));
    words.extend(all("state", |one: AlertState| lower(one.as_str_name(), "ALERT_STATE_")));
    words.extend(all("severity", |one: Severity| lower(one.as_str_name(), "SEVERITY_")));
    words.extend(all("channel", |one: Channel| lower(one.as_str_name(), "CHANNEL_")));
    words.extend(all("status", |one: ResultStatus| lower(one.as_str_name(), "RESULT_STATUS_")));
    words.extend(all("finding", |one: Finding| lower(one.as_str_name(), "FINDING_")));
    words.extend(all("withdrawn", |one: CauseKind| lower(one.as_str_name(), "CAUSE_KIND_")));
    words.extend(all("outcome", |one: WireOutcome| lower(one.as_str_name(), "OUTCOME_")));
    words.extend(all("pooled_interval", |one: PooledInterval| lower(one.as_str_name(), "POOLED_INTERVAL_")));
    words.extend(codes().map(|code| format!("code.{}", swabstream::model::outcome::code_text(code))));
    assert!(words.contains(&format!("outcome.{}", Outcome::Used(End::DuplicateSpecimen).name())));
    let missing: Vec<&String> = words.iter().filter(|word| !texts.contains_key(*word)).collect();
    assert!(missing.is_empty(), "add to src/http/site/page/texts.js: {missing:?}");
}

#[test]
fn every_text_the_page_asks_for_is_in_its_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/site/page");
    let files = std::fs::read_dir(folder).expect("the page's files").map(|entry| entry.expect("a file").path());
    let texts: Vec<String> = files.map(|path| std::fs::read_to_string(path).expect("text")).collect();
    let all = texts.concat();
    let mut asked = 0;
    for before in [" t(\"", "(t(\"", "[t(\"", "data-text=\"", "data-label-text=\""] {
        for rest in all.split(before).skip(1) {
            let key = rest.split('"').next().expect("a key");
            assert!(all.contains(&format!("\n  \"{key}\": [")), "add {key} to src/http/site/page/texts.js");
            asked += 1;
        }
    }
    assert!(asked > 60, "only {asked} were found");
}

/// The text of axe-core, fetched where it is not there yet; `None`, said aloud, where it cannot be had.
fn axe() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/axe");
    let output = Command::new(script).output().expect("the script runs");
    if !output.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    let path = String::from_utf8(output.stdout).expect("a path");
    Some(std::fs::read_to_string(path.trim()).expect("axe-core is where the script says"))
}

#[test]
fn axe_finds_nothing_serious_in_either_language_at_either_width_in_light_and_dark() {
    let Some(axe) = axe() else { return };
    everywhere(|browser, place| {
        browser.value(&format!("{axe};1"));
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            let found = browser.value(
                "axe.run().then(({violations}) => violations.filter(({impact}) => ['serious', 'critical'].includes(impact))\
                 .map(({id, help, nodes}) => `${id}: ${help}: ${nodes[0].html.slice(0, 200)}`))",
            );
            assert_eq!(found, json!([]), "{place}, {scheme}");
        }
    });
}
