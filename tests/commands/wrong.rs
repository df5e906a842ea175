//! Commands as a tired engineer types them.

use crate::site::{RULES, Site, program, rows, said};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

/// Every command below one, as its help lists them.
fn below(path: &[String]) -> Vec<Vec<String>> {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let (code, help) = said(program(&arguments).output().expect("it runs"));
    assert_eq!(code, 0, "{help}");
    assert!(help.contains("\nExit codes:"), "{path:?}: {help}");
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let paths: Vec<Vec<String>> = names.map(|name| [path, &[name.to_owned()]].concat()).collect();
    paths.iter().flat_map(|path| std::iter::once(path.clone()).chain(below(path))).collect()
}

#[test]
fn the_help_of_every_command_has_its_exit_codes() {
    let all: BTreeSet<Vec<String>> = below(&[]).into_iter().collect();
    for known in [&["rules", "show"][..], &["topics", "create"], &["publish"], &["demo"], &["completions"]] {
        assert!(all.contains(&known.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()), "{all:?}");
    }
}

/// Commands that change something. Each has a test with its output closed, on a full disk, never open and slow: here (in
/// `output` and `days`), and those that need a deployment gone wrong among the promises (`real_repair`, `real_skip_lost`). `run`
/// writes nothing there; `signals` runs it with its output closed and with nobody at its log.
const CHANGE: [&str; 12] = [
    "days mark-incomplete",
    "days unmark",
    "deadletters edit",
    "deadletters retry",
    "demo",
    "publish",
    "repair",
    "rules apply",
    "rules restore",
    "run",
    "skip-lost",
    "topics create",
];

/// Commands that only look, also in the same four ways; so are `repair --dry-run`, `rules apply --dry-run`, `deadletters retry --dry-run` and `skip-lost` without `--to`.
const LOOK: [&str; 20] = [
    "audit",
    "check",
    "completions",
    "days list",
    "deadletters explain",
    "deadletters list",
    "deadletters show",
    "fate",
    "policy compare",
    "policy explain",
    "policy test",
    "receipts",
    "rules check",
    "rules history",
    "rules show",
    "show duties",
    "show positivity",
    "show tier",
    "topics check",
    "watch",
];

#[test]
fn every_command_either_changes_something_or_only_looks_and_is_tested_as_such() {
    let all: BTreeSet<String> = below(&[]).into_iter().map(|path| path.join(" ")).collect();
    let groups = ["days", "deadletters", "policy", "rules", "show", "topics"];
    let leaves: BTreeSet<&str> = all.iter().map(String::as_str).filter(|name| !groups.contains(name)).collect();
    let known: BTreeSet<&str> = CHANGE.into_iter().chain(LOOK).collect();
    assert_eq!(leaves, known);
    let looks = LOOK.into_iter().chain(["deadletters retry", "repair", "skip-lost"]);
    for name in looks {
        let arguments: Vec<&str> = name.split(' ').chain(["--help"]).collect();
        let (_, help) = said(program(&arguments).output().expect("it runs"));
        let codes = help.split_once("\nExit codes:").expect("they are there").1;
        assert!(codes.contains("141") && codes.contains("written") | codes.contains("listed"), "{name}: {codes}");
    }
}

#[test]
fn what_is_no_file_of_rows_is_named_with_what_it_is() {
    let site = Site::embedded();
    site.write("rows.csv", &rows(1, 0));
    site.write("empty.csv", "");
    fs::create_dir(site.path("folder.csv")).expect("a folder");
    let unreadable = site.write("closed.csv", "id\n");
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o000)).expect("set");
    let root = fs::read(&unreadable).is_ok();
    let cases: [(&[&str], &str); 8] = [
        (&["folder.csv", "--map", "map.toml"], "cannot read folder.csv: is a directory"),
        (&["nothing.csv", "--map", "map.toml"], "cannot read nothing.csv: No such file or directory"),
        (&["closed.csv", "--map", "map.toml"], "cannot read closed.csv: Permission denied"),
        (&["empty.csv", "--map", "map.toml"], "empty.csv: the file "),
        (&["rows.csv"], "CSV needs a map: --map FILE"),
        (&["map.toml", "--map", "rows.csv"], "--format is needed"),
        (&["rows.csv", "--map", "folder.csv"], "cannot read folder.csv: Is a directory"),
        (&["rows.csv", "rows.csv", "--map", "map.toml"], "unexpected argument 'rows.csv'"),
    ];
    for command in [&["check"][..], &["publish", "--no-rules"]] {
        for (arguments, says) in cases {
            if root && says.contains("Permission denied") {
                continue;
            }
            let (code, text) = site.run(&[command, arguments].concat());
            assert!(code == 2 && text.contains(says), "{command:?} {arguments:?}: {code}: {text}");
            assert!(text.lines().count() < 12, "{text}");
        }
    }
}

#[test]
fn what_is_no_configuration_or_no_folder_of_rules_is_named() {
    let site = Site::embedded();
    site.write("rows.csv", "id\n");
    let cases: [(&[&str], &str); 12] = [
        (&["rules", "show", "--config", "nothing.toml"], "nothing.toml cannot be read: No such file"),
        (&["rules", "show", "--config", "rows.csv"], "rows.csv:1:3: not a configuration: "),
        (&["rules", "check", "rows.csv"], "cannot read rows.csv: Not a directory"),
        (&["rules", "check", "."], "deployment.toml"),
        (&["watch", "alerts", "--once", "--from", "now"], "would show nothing"),
        (&["deadletters", "list", "--code", "wrong"], "it is one of malformed, empty"),
        (&["deadletters", "list", "--since", "yesterday"], "90m, 12h, 3d"),
        (&["deadletters", "show", "results/3/41"], "as in lab-results/3/41"),
        (&["deadletters", "show", "lab-results/3/41"], "there is no dead letter of lab-results/3/41"),
        (&["deadletters", "explain"], "<WHERE>"),
        (&["policy", "explain", "D1"], "no rules are in force: publish some with `swabstream rules apply DIR`"),
        (&["show", "duties", "D1"], "no rules are in force: publish some with `swabstream rules apply DIR`"),
    ];
    for (arguments, says) in cases {
        let (code, text) = site.run(arguments);
        assert!(code != 0 && text.contains(says), "{arguments:?}: {code}: {text}");
    }
}

#[test]
fn a_broker_that_does_not_answer_is_named_before_a_file_is_read() {
    let site = Site::embedded();
    site.write("settings.toml", "[kafka]\nbrokers = \"127.0.0.1:9\"\nconnect_timeout_s = 1\n");
    site.write("rows.csv", &rows(1, 1));
    let cases: [&[&str]; 5] = [
        &["publish", "rows.csv", "--map", "map.toml", "--no-rules"],
        &["publish", "rows.csv", "--map", "map.toml"],
        &["watch", "alerts"],
        &["rules", "apply", RULES],
        &["topics", "check"],
    ];
    for arguments in cases {
        let began = Instant::now();
        let (code, text) = site.run(arguments);
        assert!(code == 2 && text.contains("127.0.0.1:9"), "{arguments:?}: {code}: {text}");
        assert!(!text.contains("rows: "), "{arguments:?}: it was read: {text}");
        assert!(began.elapsed().as_secs() < 60, "{arguments:?}");
    }
}
