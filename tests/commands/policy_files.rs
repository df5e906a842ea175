//! `swabstream policy test` and `swabstream policy compare`: tier policies as files, without a deployment or beside one.

use crate::policy::explained;
use crate::site::{RULES, Site};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `deploy/rules`.
fn shipped(name: &str) -> PathBuf {
    Path::new(RULES).with_file_name(name)
}

const BRAKE: &str = "tier-de-28b.toml";

#[test]
fn every_case_that_is_written_beside_a_policy_that_comes_with_the_program_is_as_it_must_be() {
    let site = Site::embedded();
    for folder in ["published", "chongqing"] {
        let path = shipped(folder);
        let (code, text) = site.run(&["policy", "test", path.to_str().expect("a path")]);
        assert_eq!(code, 0, "{text}");
        let policies = fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path());
        for policy in policies.filter(|path| path.to_string_lossy().contains("/tier-")) {
            let written = fs::read_to_string(&policy).expect("a text");
            let id = written.lines().find_map(|line| line.strip_prefix("id = ")).expect("an id").trim_matches('"');
            assert!(text.contains(&format!(": {id}\n")), "{} has no cases: {text}", policy.display());
        }
    }
}

/// A folder with the brake, and a file of cases beside it.
fn with_cases(cases: &str) -> Site {
    let site = Site::embedded();
    let policy = fs::read_to_string(shipped("published").join(BRAKE)).expect("a text");
    site.write(&format!("rules/{BRAKE}"), &policy);
    site.write("rules/cases/brake.toml", cases);
    site
}

#[test]
fn a_case_that_is_otherwise_is_shown_with_the_arithmetic_and_where_it_is_written() {
    let site = with_cases(
        "policy = \"de-28b\"\n\n[[cases]]\nname = \"it is not\"\npopulation = 1000\ncases = [1, 0, 0]\ntiers = [\"any\", \"off\", \
         \"off\"]\n\n[[cases]]\nname = \"it is\"\ncases = [99]\ntiers = [\"off\"]\n",
    );
    let (code, text) = site.run(&["policy", "test", "rules"]);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let expected = [
        "cases/brake.toml: de-28b",
        "WRONG  it is not (line 3)",
        "2021-04-26: on, must be off; de-28b@2021-04-24",
        "cases_per_100k, 7 days: 1 of 1000 people = 100 per 100,000 → on (from 100 on), decides",
        "right  it is",
        "2 cases: 1 are as they must be, 1 are not",
    ];
    assert_eq!((code, lines), (1, expected.to_vec()), "{text}");
    let (code, text) = site.run(&["policy", "test", "rules", "--json"]);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((code, lines.len(), &lines[0]["right"], &lines[1]["right"]), (1, 2, &false.into(), &true.into()));
    let third = &lines[0]["days"][2];
    assert_eq!(
        (&third["is"], &third["must"], &third["reasons"][0]["numerator"]),
        (&"on".into(), &"off".into(), &"1".into())
    );
}

#[test]
fn what_cannot_be_tried_is_said_with_what_to_do() {
    for (cases, says) in [
        (
            "policy = \"none\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\n",
            "there is no policy none in rules: use one of de-28b",
        ),
        (
            "policy = \"de-28b\"\n[[cases]]\nname = \"a\"\ntiers = [\"red\"]\n",
            "de-28b has no tier red: use one of off, on",
        ),
        (
            "policy = \"de-28b\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\ncases = [1, 2]\n",
            "rules/cases/brake.toml:5: cases[0].cases: it has 2",
        ),
        ("policy = \"de-28b\"\n[[cases]]\nname = \"a\ntiers = 1\n", "rules/cases/brake.toml:3"),
    ] {
        let (code, text) = with_cases(cases).run(&["policy", "test", "rules"]);
        assert!(code == 2 && text.contains(says), "{code}: {text}");
    }
    let site = with_cases("policy = \"de-28b\"\ncases = []\n");
    let (code, text) = site.run(&["policy", "test", "rules"]);
    assert!(code == 2 && text.contains("there are none"), "{text}");
    fs::remove_dir_all(site.path("rules/cases")).expect("removed");
    let (code, text) = site.run(&["policy", "test", "rules"]);
    assert!(code == 2 && text.contains("rules has no cases"), "{text}");
    let (code, text) = site.run(&["policy", "test", "nowhere"]);
    assert!(code == 2 && text.contains("cannot read nowhere"), "{text}");
}

/// Two brakes, one of which is released three days earlier, and numbers of two districts.
pub fn to_compare() -> Site {
    let site = Site::embedded();
    let brake = fs::read_to_string(shipped("published").join(BRAKE)).expect("a text");
    let always = brake.replace("effective_until = \"2021-07-01\"\n", "");
    site.write("a.toml", &always);
    site.write("b.toml", &always.replace("fall_days = 6", "fall_days = 3").replace("de-28b", "de-earlier"));
    let mut table = "area,name,day,cases,population\n".to_owned();
    for day in 1..=28 {
        let cases = if (5..=9).contains(&day) { 30 } else { 0 };
        table.push_str(&format!("D1,First,2022-11-{day:02},{cases},100000\nD2,Second,2022-11-{day:02},0,\n"));
    }
    site.write("counts.csv", &table);
    site
}

#[test]
fn where_two_policies_differ_and_what_that_costs_is_shown_as_text_table_json_and_chart() {
    let site = to_compare();
    let compare = ["policy", "compare", "a.toml", "b.toml", "--counts", "counts.csv"];
    let (code, text) = site.run(&[&compare[..], &["--svg", "chart.svg"]].concat());
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    // Above 100 in 7 days from the 8th (120) to the 12th (120): on with the third of them.
    let expected = [
        "A de-28b@2021-04-24: off, on",
        "B de-earlier@2021-04-24: off, on",
        "2 areas, 2022-11-01 to 2022-11-28: of 56 days of areas they differ on 3",
        "on 28 of these days one of them has no tier: no version holds, or no measure has a value",
        "tiers that follow from days before 2022-11-01 take it that nothing was counted then",
        "",
        "days times people under each tier",
        "A B B - A",
        "off 1,900,000 2,200,000 300,000",
        "on 900,000 600,000 -300,000",
        "1 areas are left out: how many people live there is not known",
        "",
        "where they differ",
        "D1 First 2022-11-16 to 2022-11-18 A on, B off",
    ];
    assert_eq!((code, lines.iter().map(String::as_str).collect::<Vec<_>>()), (0, expected.to_vec()), "{text}");
    let chart = fs::read_to_string(site.path("chart.svg")).expect("a chart");
    assert!(chart.starts_with("<svg ") && chart.contains("First: on, 2022-11-10 to 2022-11-18"), "{chart}");
    let (code, text) = site.run(&[&compare[..], &["--svg", "chart.svg"]].concat());
    assert!(code == 2 && text.contains("name a file that is not there yet"), "{text}");
    let (code, text) = site.run(&[&compare[..], &["--csv", "--from", "2022-11-15", "--to", "2022-11-16"]].concat());
    let rows = [
        "area,name,population,day,a,b,differ",
        "D1,First,100000,2022-11-15,on,on,no",
        "D1,First,100000,2022-11-16,on,off,yes",
        "D2,Second,,2022-11-15,,,no",
        "D2,Second,,2022-11-16,,,no",
    ];
    assert_eq!((code, text.lines().collect::<Vec<_>>()), (0, rows.to_vec()));
    let (code, text) = site.run(&[&compare[..], &["--json"]].concat());
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((code, lines.len(), &lines[0]["b"]["person_days"]["on"]), (0, 3, &600_000.into()));
    assert_eq!(lines[1]["differ"][0]["from"], "2022-11-16");
}

#[test]
fn numbers_that_a_deployment_has_published_are_compared_on_the_levels_that_policies_name() {
    let site = explained();
    let of = |level: &str, id: &str, bound: u32| {
        format!(
            "id = \"{id}\"\nversion = \"1\"\neffective_from = \"2020-01-01\"\nsource = \"a test\"\nlevels = [\"{level}\"]\n\
             tiers = [\"off\", \"on\"]\ncases = \"all\"\n[[threshold.measures]]\nkind = \"cases_per_100k\"\nwindow_days = 7\n\
             lower_bounds = [{bound}.0]\n"
        )
    };
    site.write("a.toml", &of("district", "a", 20));
    site.write("b.toml", &of("district", "b", 40));
    let (code, text) = site.run(&["policy", "compare", "a.toml", "b.toml"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("3 areas, 2022-11-11 to 2022-11-12: of 6 days of areas they differ on 1"), "{text}");
    assert!(text.contains("D1 First District") && text.contains("2022-11-12 to 2022-11-12  A on, B off"), "{text}");
    site.write("c.toml", &of("county", "c", 40));
    let (code, text) = site.run(&["policy", "compare", "c.toml", "c.toml"]);
    assert!(code == 2 && text.contains("the deployment has no level county"), "{text}");
    let (code, text) = site.run(&["policy", "compare", "a.toml", "c.toml"]);
    assert!(code == 2 && text.contains("A decides on district, and B on county"), "{text}");
    let (code, text) = site.run(&["policy", "compare", "a.toml", "c.toml", "--level", "district"]);
    assert!(code == 0 && text.contains("they differ on 1"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_said_with_what_to_do() {
    let site = to_compare();
    site.write("wrong.toml", "id = \"x\"\n");
    site.write("wrong.csv", "area,day\nD1,2022-11-01\n");
    site.write("early.csv", "area,day,cases\nD1,2022-11-01,1\n");
    let flu =
        fs::read_to_string(site.path("b.toml")).expect("a text").replace("levels", "target = \"influenza-a\"\nlevels");
    site.write("flu.toml", &flu);
    let cases: [(&[&str], &str); 8] = [
        (&["a.toml", "flu.toml", "--counts", "counts.csv"], "only policies for one target"),
        (
            &["a.toml", "b.toml", "--counts", "counts.csv", "--to", "2030-01-01"],
            "numbers are known from 2022-11-01 to 2022-11-28",
        ),
        (&["a.toml", "wrong.toml", "--counts", "counts.csv"], "tier-wrong.toml:1"),
        (&["a.toml", "b.toml", "--counts", "wrong.csv"], "there is no column cases"),
        (&["a.toml", "b.toml", "--counts", "early.csv", "--from", "2022-12-01"], "no day lies between"),
        (&["a.toml", "b.toml", "--counts", "counts.csv", "--to", "soon"], "soon is no day"),
        (&["a.toml", "nothing.toml", "--counts", "counts.csv"], "cannot read nothing.toml"),
        (&["a.toml", "b.toml"], "no rules are in force"),
    ];
    for (arguments, says) in cases {
        let (code, text) = site.run(&[&["policy", "compare"], arguments].concat());
        assert!(code == 2 && text.contains(says), "{arguments:?}: {code}: {text}");
    }
}
