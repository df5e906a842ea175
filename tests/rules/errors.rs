//! Whoever writes a wrong rule is told the file, the line, the key and what to do.

use prost::Message as _;
use std::path::Path;
use swabstream::policy::source::{self, SourceError, SourceFile};
use swabstream::policy::{CaseSeverity, Rules, TierSeverity};
use swabstream::proto::v1::{self, Rule, Severity, rule::Rule as Kind};

/// The files of the sample city, with one text replaced in one of them.
fn sample_with(name: &str, from: &str, to: &str) -> Vec<SourceFile> {
    let mut files = folder("deploy/rules/sample");
    let file = files.iter_mut().find(|file| file.name == name).expect("a file of the sample");
    assert!(file.text.contains(from), "{name} holds no `{from}`");
    file.text = file.text.replacen(from, to, 1);
    files
}

pub fn folder(folder: &str) -> Vec<SourceFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("a folder of rules");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let file = |path: std::path::PathBuf| SourceFile {
        name: path.file_name().expect("a file").to_string_lossy().into_owned(),
        text: std::fs::read_to_string(path).expect("a text"),
    };
    // Beside the rules stand folders of cases that try them.
    paths.filter(|path| path.is_file()).map(file).collect()
}

/// The line of `file` that holds `text`, from 1.
fn line_with(files: &[SourceFile], name: &str, text: &str) -> Option<usize> {
    let file = files.iter().find(|file| file.name == name)?;
    file.text.lines().position(|line| line.contains(text)).map(|at| at + 1)
}

/// Replaces `from` by `to` in `name` and expects one error there, on that very line, about `key`, whose text holds
/// `says`.
#[track_caller]
fn refused(name: &str, (from, to): (&str, &str), key: &str, says: &str) {
    let files = sample_with(name, from, to);
    let errors = source::rules(&files).expect_err("wrong rules");
    let [SourceError { file, line, key: found, problem, hint }] = errors.as_slice() else { panic!("{errors:#?}") };
    let right = folder("deploy/rules/sample").into_iter().find(|file| file.name == name).expect("a file of the sample");
    let wrong = right.text.split(from).next().unwrap_or_default().matches('\n').count() + 1;
    assert_eq!((file.as_str(), *line, found.as_str()), (name, Some(wrong), key), "{}", errors[0]);
    assert!(format!("{problem}; {hint}").contains(says), "{}", errors[0]);
    assert!(!hint.is_empty() && !problem.contains('\n'), "{}", errors[0]);
}

#[test]
fn a_value_that_is_no_toml_is_found() {
    let file = "deployment.toml";
    refused(file, ("levels = [\"city\", \"district\"", "levels = [\"city\" \"district\""), "", "correct the TOML");
    refused(file, ("zone = \"Asia/Shanghai\"", "zone = Asia/Shanghai"), "", "correct the TOML");
}

#[test]
fn keys_nobody_reads_and_keys_left_out_are_found() {
    refused("case-sample.toml", ("horizon_days", "horizont_days"), "horizont_days", "unknown field");
    refused("tier-threshold.toml", ("window_days", "window"), "threshold.measures[0].window", "unknown field");
    // A key left out has no line of its own: the one where its table begins is named.
    let files = sample_with("tier-clean-day.toml", "clean_days = 3\n", "");
    let errors = source::rules(&files).expect_err("a key is missing");
    assert_eq!(errors[0].key, "clean_day.steps[1].clean_days");
    assert_eq!(errors[0].line, Some(15), "{}", errors[0]);
}

#[test]
fn values_of_the_wrong_kind_are_found() {
    refused("case-sample.toml", ("horizon_days = 7", "horizon_days = \"7\""), "horizon_days", "invalid type");
    refused("case-sample.toml", ("unknown_lab = \"reject\"", "unknown_lab = \"drop\""), "unknown_lab", "`accept`");
    refused(
        "tier-threshold.toml",
        ("tests_over_tests", "positivity"),
        "threshold.measures[1].kind",
        "`people_over_people`",
    );
    refused("tier-threshold.toml", ("cases = \"all\"", "cases = \"some\""), "cases", "`community`");
}

#[test]
fn what_a_deployment_says_is_checked() {
    let file = "deployment.toml";
    refused(file, ("Asia/Shanghai", "Asia/Chongking"), "zone", "IANA");
    refused(file, ("area_meaning = \"residence\"", "area_meaning = \"home\""), "area_meaning", "`sampling`");
    refused(file, ("\"clinic\"", "\"screening\""), "purposes[1]", "twice");
    refused(file, ("purposes = [\"screening\", \"clinic\", \"contact\"]", "purposes = []"), "purposes", "at least one");
    let kept = "people_levels = [\"city\", \"district\", \"street\"]";
    refused(file, (kept, "people_levels = [\"county\"]"), "people_levels[0]", "city, district, street");
}

#[test]
fn what_is_said_of_targets_is_checked() {
    let file = "deployment.toml";
    let influenza = "id = \"influenza-a\"";
    refused(file, (influenza, "id = \"sars-cov-2\""), "targets[1].id", "`sars-cov-2` names `sars-cov-2` already");
    refused(file, (influenza, "id = \"flu a\""), "targets[1].id", "without blanks");
    refused(file, (influenza, "id = \"\""), "targets[1].id", "no code");
    refused(file, ("\"FLU-A\"", "\"SARS-CoV-2\""), "targets[1].aliases[0]", "names `sars-cov-2` already");
    refused(file, ("\"FLU-A\"", "\"influenza-a\""), "targets[1].aliases[0]", "names `influenza-a` already");
    refused(file, ("\"FLU-A\"", "\" \""), "targets[1].aliases[0]", "1 to 32 bytes");
    for (alias, says) in [
        (" FLU-A", "a blank before or behind it"),
        ("FLU-A ", "a blank before or behind it"),
        ("FLU-A\u{a0}", "a blank before or behind it"),
        ("\u{3000}FLU-A", "a blank before or behind it"),
        ("FLU\u{200b}-A", "a character without a picture"),
        ("\u{feff}FLU-A", "a character without a picture"),
        ("FLU-A\u{ad}", "a character without a picture"),
        ("ＦＬＵ-A", "letters and digits of the usual width"),
        ("H１N1", "letters and digits of the usual width"),
        ("SARS-COV-2", "looks like `sars-cov-2`, which names `sars-cov-2`"),
        ("sars\u{ff0d}cov-2", "looks like `sars-cov-2`"),
        ("Influenza-A\u{2060}", "a character without a picture"),
    ] {
        refused(file, ("\"FLU-A\"", &format!("\"{alias}\"")), "targets[1].aliases[0]", says);
    }
    for (id, says) in [
        ("SARS-CoV-2", "names `sars-cov-2` already"),
        ("Sars-Cov-2", "looks like `sars-cov-2`, which names `sars-cov-2`"),
        ("influenza-a\u{200b}", "characters that nobody sees"),
        ("ｉnfluenza-a", "letters and digits of the usual width"),
    ] {
        refused(file, (influenza, &format!("id = \"{id}\"")), "targets[1].id", says);
    }
    for right in ["flu-a", "Influenza-A", "甲型流感（H1N1）", "influenza A", "grippe a\u{301}"] {
        source::rules(&sample_with(file, "\"FLU-A\"", &format!("\"FLU-A\", \"{right}\""))).expect(right);
    }
    refused(file, ("name = \"influenza A\"", "name = \"\""), "targets[1].name", "fill it in");
    refused(
        "case-influenza.toml",
        ("[\"influenza-a\"]", "[\"influenza\"]"),
        "targets[0]",
        "sars-cov-2, influenza-a, rsv",
    );
    refused("tier-influenza.toml", ("target = \"influenza-a\"", "target = \"flu\""), "target", "use one of");

    let many: String = (0..90).map(|at| format!("[[targets]]\nid = \"t{at}\"\nname = \"n\"\n")).collect();
    let errors =
        source::rules(&sample_with(file, "[[targets]]\nid = \"rsv\"", &format!("{many}[[targets]]\nid = \"rsv\"")));
    let errors = errors.expect_err("too many");
    assert_eq!((errors[0].key.as_str(), errors.len()), ("targets", 1));
    assert!(
        errors[0].to_string().contains("93 targets times 3 purposes are 279; keep the product to 250"),
        "{}",
        errors[0]
    );
}

/// No text of a record holds such a character, so nothing would ever be met by them.
#[test]
fn codes_that_nobody_can_be_named_by_are_found() {
    refused("deployment.toml", ("\"clinic\"", "\"clinic\u{200b}\""), "purposes[1]", "characters that nobody sees");
    refused("areas.csv", ("D1S1,Old Town", "D1S1\u{ad},Old Town"), "code", "characters that nobody sees");
}

#[test]
fn policies_of_different_targets_may_hold_from_the_same_day_and_the_first_target_must_have_one() {
    let both = "targets = [\"influenza-a\", \"sars-cov-2\"]";
    let errors = source::rules(&sample_with("case-influenza.toml", "targets = [\"influenza-a\"]", both));
    assert!(errors.expect_err("two of one day")[0].to_string().contains("holds from the same day"));
    let tier = sample_with("tier-influenza.toml", "target = \"influenza-a\"", "target = \"sars-cov-2\"");
    assert!(source::rules(&tier).expect_err("two of one level")[0].to_string().contains("decides on the same level"));

    let mut files = folder("deploy/rules/sample");
    files.retain(|file| file.name != "case-sample.toml");
    let errors = source::rules(&files).expect_err("no policy of the first");
    assert!(errors[0].to_string().contains("no case policy for `sars-cov-2`"), "{}", errors[0]);
}

#[test]
fn what_a_case_policy_says_is_checked() {
    let file = "case-sample.toml";
    refused(file, ("horizon_days = 7", "horizon_days = 61"), "horizon_days", "1 to 60");
    refused(file, ("horizon_days = 7", "horizon_days = 0"), "horizon_days", "1 to 60");
    refused(file, ("every_days = 7", "every_days = 0"), "groups[2].every_days", "every_days (1 is every day)");
    for (from, to, at) in [("every_days = 7\n", "", 2), ("after_entry = [1, 4, 7]", "after_entry = []", 3)] {
        let errors = source::rules(&sample_with(file, from, to)).expect_err("it is not said when");
        assert_eq!(errors[0].key, format!("groups[{at}].every_days"), "{}", errors[0]);
    }
    refused(file, ("every_days = 7", "every_days = 15"), "groups[2].every_days", "1 to 14");
    refused(file, ("every_days = 7", "every_days = 7\nafter_entry = [1]"), "groups[2].every_days", "one of the two");
    refused(file, ("after_entry = [1, 4, 7]", "after_entry = [0]"), "groups[3].after_entry[0]", "none after entry");
    refused(
        file,
        ("after_entry = [1, 4, 7]", "after_entry = [4, 1]"),
        "groups[3].after_entry[1]",
        "not after the one before",
    );
    refused(file, ("group = \"drivers\"", "group = \"cold-chain\""), "groups[1].group", "named twice");
    refused(file, ("group = \"drivers\"", "group = \"\""), "groups[1].group", "");
    refused(file, ("[1, 4, 7]", "[1, 4, 8]"), "test_days_secondary[2]", "1 to 7, or observe for longer");
    refused(file, ("[1, 2, 3, 5, 7]", "[0, 2]"), "test_days_close[0]", "day 0 is not one of the observation");
    refused(file, ("[1, 2, 3, 5, 7]", "[1, 3, 3]"), "test_days_close[2]", "not after the one before");
    refused(file, ("test_grace_hours = 24", "test_grace_hours = 169"), "test_grace_hours", "0 to 168");
    refused(file, ("effective_from = \"2020-01-01\"", "effective_from = \"1.1.2020\""), "effective_from", "YYYY-MM-DD");
    refused(file, ("effective_from = \"2020-01-01\"", "effective_from = \"2020-02-30\""), "effective_from", "no day");
    refused(file, ("episode_gap_days = 90", "episode_gap_days = 0"), "episode_gap_days", "out of bounds");
    refused(file, ("id = \"sample-case\"", "id = \"sample/case\""), "id", "no code");
}

/// How grave alerts are may be left out, as it is in files of before: each kind then has its default, and the digest is
/// what it was.
#[test]
fn severities_that_are_left_out_have_their_defaults() {
    let plain = source::rules(&folder("deploy/rules/sample")).expect("shipped rules are right");
    assert_eq!(plain.cases[0].severity, CaseSeverity::default());
    assert!(plain.tiers.iter().all(|policy| policy.severity == TierSeverity::default()));

    let unknown_lab = "unknown_lab = \"reject\"";
    let severity = format!("{unknown_lab}\n[severity]\nmanaged = \"info\"");
    let rules = source::rules(&sample_with("case-sample.toml", unknown_lab, &severity)).expect("right");
    assert_ne!(rules.digest, plain.digest);
    let other = CaseSeverity { managed: Severity::Info, ..CaseSeverity::default() };
    assert_eq!(rules.cases[0].severity, other);

    let next = "next = \"low\"\n";
    let severity = format!("{next}[severity]\nlowered = \"info\"\nraised = \"moderate\"\n");
    let rules = source::rules(&sample_with("tier-clean-day.toml", next, &severity)).expect("right");
    let policy = rules.tiers.iter().find(|policy| policy.id == "sample-streets").expect("it is there");
    let other = TierSeverity { lowered: Severity::Info, raised: Severity::Moderate, ..TierSeverity::default() };
    assert_eq!(policy.severity, other);
}

#[test]
fn what_is_said_of_severities_is_checked() {
    let case = "unknown_lab = \"reject\"";
    let of_case = |line: &str| format!("{case}\n[severity]\n{line}");
    let tier = "next = \"low\"\n";
    let of_tier = |line: &str| format!("{tier}[severity]\n{line}\n");
    for (file, from, to, key, says) in [
        ("case-sample.toml", case, of_case("managed = \"grave\""), "severity.managed", "`moderate`"),
        ("case-sample.toml", case, of_case("manged = \"high\""), "severity.manged", "unknown field"),
        ("case-sample.toml", case, of_case("historic = 1"), "severity.historic", ""),
        ("tier-clean-day.toml", tier, of_tier("lowered = \"mild\""), "severity.lowered", "`moderate`"),
        ("tier-clean-day.toml", tier, of_tier("community = \"high\""), "severity.community", "unknown field"),
    ] {
        let files = sample_with(file, from, &to);
        let errors = source::rules(&files).expect_err("wrong rules");
        let line = line_with(&files, file, &format!("{} = ", key.trim_start_matches("severity.")));
        assert_eq!((errors.len(), errors[0].file.as_str(), errors[0].key.as_str()), (1, file, key), "{errors:#?}");
        assert_eq!(errors[0].line, line, "{}", errors[0]);
        assert!(errors[0].problem.contains(says), "{}", errors[0]);
    }
}

/// A record of another version may say what this one does not know.
#[test]
fn a_severity_that_is_not_known_is_refused_with_its_field() {
    let mut records = source::rules(&folder("deploy/rules/sample")).expect("right").to_records();
    for (key, value) in &mut records {
        let mut rule = Rule::decode(value.as_slice()).expect("a rule");
        if let Some(Kind::CasePolicy(policy)) = &mut rule.rule
            && policy.id == "sample-case"
        {
            policy.severity = Some(v1::CaseSeverity { contradiction: 7, ..Default::default() });
        }
        if key.starts_with("case/") {
            *value = rule.encode_to_vec();
        }
    }
    let errors = Rules::from_records(&records).expect_err("there is no severity 7");
    assert_eq!((errors.len(), errors[0].field.as_str()), (1, "severity.contradiction"));
    assert!(errors[0].hint.contains("info, moderate or high"), "{}", errors[0]);
}

#[test]
fn steps_must_lead_from_the_gravest_tier_to_the_mildest() {
    let file = "tier-clean-day.toml";
    refused(file, ("tier = \"high\"", "tier = \"hihg\""), "clean_day.steps[0].tier", "low, medium, high");
    refused(file, ("tier = \"medium\"", "tier = \"high\""), "clean_day.steps[1].tier", "begin with the gravest");
    refused(file, ("clean_days = 7", "clean_days = 0"), "clean_day.steps[0].clean_days", "1 to 365");
    let files = sample_with(file, "next = \"low\"", "next = \"medium\"");
    let errors = source::rules(&files).expect_err("no way down");
    let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(keys, ["clean_day.steps[1].next", "clean_day.steps"]);
}

#[test]
fn bands_must_ascend_and_make_as_many_tiers_as_there_are() {
    let (file, key) = ("tier-threshold.toml", "threshold.measures[0].lower_bounds");
    refused(file, ("[10.0, 50.0, 100.0]", "[10.0, 50.0]"), key, "do not make 4 tiers");
    refused(file, ("[10.0, 50.0, 100.0]", "[10.0, 100.0, 50.0]"), key, "ascend");
    refused(file, ("[10.0, 50.0, 100.0]", "[-1.0, 50.0, 100.0]"), key, "negative");
    refused(file, ("[0.05, 0.08, 0.10]", "[5.0, 8.0, 10.0]"), "threshold.measures[1].lower_bounds", "0.05");
    refused(file, ("window_days = 7", "window_days = 5"), "threshold.measures[0].window_days", "1, 3, 7 or 14");
    let of_cases = ("window_days = 7", "least_tests = 20\nwindow_days = 7");
    refused(file, of_cases, "threshold.measures[0].least_tests", "people_over_people");
    refused(file, ("least_tests = 20", "least_tests = 2000000"), "threshold.measures[1].least_tests", "1000000");
}

#[test]
fn days_in_a_row_are_at_least_one_and_at_most_as_many_as_the_longest_window_has() {
    for (key, days, is_right) in
        [("rise_days", 1, true), ("fall_days", 14, true), ("rise_days", 0, false), ("fall_days", 15, false)]
    {
        let files = sample_with(
            "tier-threshold.toml",
            "cases = \"all\"",
            &format!("cases = \"all\"\n[threshold]\n{key} = {days}"),
        );
        let wrong = source::rules(&files).err().unwrap_or_default();
        if is_right {
            assert_eq!(wrong, [], "{key} = {days}");
            continue;
        }
        let [SourceError { line, key: found, hint, .. }] = wrong.as_slice() else { panic!("{wrong:#?}") };
        let text = format!("{key} = {days}");
        assert_eq!((found, *line), (&format!("threshold.{key}"), line_with(&files, "tier-threshold.toml", &text)));
        assert!(hint.contains("1 to 14"), "{}", wrong[0]);
    }
}

#[test]
fn a_level_has_one_policy_on_a_day_and_must_keep_what_is_measured() {
    refused("tier-threshold.toml", ("levels = [\"district\"]", "levels = [\"parish\"]"), "levels[0]", "city, district");
    // The two policies of the sample then decide on the same streets; the later of the two is named.
    let files = sample_with("tier-clean-day.toml", "levels = [\"street\"]", "levels = [\"district\"]");
    let errors = source::rules(&files).expect_err("two policies");
    assert!(errors[0].to_string().contains("effective_until"), "{}", errors[0]);
    assert_eq!(errors.len(), 1);

    let mut files = sample_with("tier-threshold.toml", "tests_over_tests", "people_over_people");
    let deployment = files.iter_mut().find(|file| file.name == "deployment.toml").expect("it is there");
    deployment.text = deployment.text.replace("people_levels = [\"city\", \"district\"", "people_levels = [\"city\"");
    let errors = source::rules(&files).expect_err("nobody counts people there");
    assert_eq!((errors[0].key.as_str(), errors.len()), ("threshold.measures[1].kind", 1));
}

#[test]
fn rows_of_the_area_registry_are_checked() {
    let file = "areas.csv";
    refused(file, ("D1S1,Old Town,street,2020-01-01,D1", "D1S1,Old Town,street,2020-01-01,D9"), "parent", "`D9`");
    refused(
        file,
        ("D1S1,Old Town,street,2020-01-01,D1,", "D1S1,Old Town,street,2020-01-01,D1S2,"),
        "parent",
        "coarser",
    );
    refused(file, ("D2S2,,,2022-11-15,D1", "D2S2,,,2022-11-15,D2S2"), "parent", "coarser");
    refused(file, ("D2S2,,,2022-11-15", "D2S2,,,2020-01-01"), "effective_from", "order of their days");
    refused(
        file,
        ("D1,First District,district,2020-01-01", "D1,First District,parish,2020-01-01"),
        "level",
        "city, district",
    );
    refused(
        file,
        ("D1S2,Station,street,2020-01-01,D1,25000", "D1S2,Station,street,2020-01-01,D1,many"),
        "population",
        "digits",
    );
    refused(
        file,
        ("D1S2,Station,street,2020-01-01,D1,25000,,,", "D1S2,Station,street,2020-01-01,D1,25000,3,,"),
        "column",
        "both",
    );
    refused(file, ("D2S2,,,2022-11-15", "D2S2,Haven,,2022-11-15"), "name", "differs from line 15");
    refused(file, ("D3,,,2022-12-01,,,,,yes,D2", "D3,,,2022-12-01,,,,,true,D2"), "abolished", "`yes`");
    refused(file, ("D2S1,University", "D2S1 ,University of, Arts"), "", "the header 10");
    refused(file, ("50000,1,0", "50000,0,0"), "column", "`D1` has the same tile");
}

#[test]
fn an_abolished_area_says_what_it_went_into() {
    let (file, row) = ("areas.csv", "D3,,,2022-12-01,,,,,yes,D2");
    let into = |code: &str| format!("D3,,,2022-12-01,,,,,yes,{code}");
    for (code, says) in [
        ("", "or `nothing`"),
        ("D9", "there is no area `D9`"),
        ("D1S1", "`D1S1` is of a finer level"),
        ("D3", "leads back to itself"),
    ] {
        refused(file, (row, &into(code)), "merged_into", says);
    }
    refused(file, (row, "D3,,,2022-12-01,C,10000,,,,D2"), "merged_into", "the area goes on");
    // Each went into the other.
    let circle = "D3S1,,,2022-12-01,D1,10000,,,,\nD2S1,,,2022-12-02,D1,30000,,,,\nD2,,,2022-12-02,,,,,yes,D3";
    let errors = source::rules(&sample_with(file, "D3S1,,,2022-12-01,D2,10000,,,,", circle)).expect_err("a circle");
    assert!(errors.iter().all(|error| error.key == "merged_into" && error.line.is_some()), "{errors:#?}");
    let rules = source::rules(&sample_with(file, row, &into("nothing"))).expect("it went into no other");
    assert_eq!(rules.areas.without_successor().count(), 0, "that was said");
}

#[test]
fn notes_and_empty_lines_do_not_shift_the_lines_of_errors() {
    let files =
        sample_with("areas.csv", "D1S2,Station,street,2020-01-01,D1,25000", "# a note\n\nD1S2,Station,,,D1,many");
    let errors = source::rules(&files).expect_err("a word for a number");
    assert_eq!(errors[0].line, line_with(&files, "areas.csv", "many"), "{}", errors[0]);
}

#[test]
fn a_parent_must_exist_as_long_as_its_child() {
    // D3 goes on 2022-12-01, its street stays.
    let files = sample_with("areas.csv", "D3S1,,,2022-12-01,D2,10000,,,,\n", "");
    let errors = source::rules(&files).expect_err("a street without district");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!((errors[0].line, errors[0].key.as_str()), (line_with(&files, "areas.csv", "D3S1,"), "parent"));
    assert!(errors[0].problem.contains("2022-12-01"), "{}", errors[0]);
}

#[test]
fn headers_and_labs_are_checked() {
    refused("areas.csv", ("code,name,level", "code,nmae,name,level"), "nmae", "nobody reads");
    refused("labs.csv", ("LAB-2,Second", "LAB 2,Second"), "id", "blanks");
    refused("labs.csv", ("LAB-2,Second", "LAB-1,Second"), "", "also in labs.csv:2");
    let files = sample_with("labs.csv", "id,name", "id,title");
    let errors = source::rules(&files).expect_err("a column is missing");
    assert_eq!(errors.iter().map(|error| error.key.as_str()).collect::<Vec<_>>(), ["title", "name"]);
}

#[test]
fn files_that_are_missing_or_that_nobody_reads_are_named() {
    for (name, says) in [
        ("deployment.toml", "deployment.toml: there is no deployment"),
        ("case-sample.toml", "case-NAME.toml: there is no case policy"),
        ("areas.csv", "areas.csv: there is no area"),
        ("labs.csv", "labs.csv: there is no lab"),
    ] {
        let mut files = folder("deploy/rules/sample");
        files.retain(|file| file.name != name);
        let errors = source::rules(&files).expect_err("a file is missing");
        assert!(errors.iter().any(|error| error.to_string().starts_with(says)), "{errors:#?}");
    }
    let mut files = folder("deploy/rules/sample");
    files.push(SourceFile { name: "teir-x.toml".to_owned(), text: String::new() });
    let errors = source::rules(&files).expect_err("a file nobody reads");
    assert_eq!((errors.len(), errors[0].file.as_str()), (1, "teir-x.toml"));
}

#[test]
fn all_errors_of_a_folder_are_reported_at_once() {
    let mut files = sample_with("case-sample.toml", "horizon_days = 7", "horizon_days = 70");
    for file in &mut files {
        file.text = file.text.replace("Asia/Shanghai", "Nowhere").replace("LAB-3,Third", "LAB 3,Third");
    }
    let errors = source::rules(&files).expect_err("three errors");
    let mut keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    keys.sort();
    assert_eq!(keys, ["horizon_days", "id", "zone"]);
}

/// Tables come out of office programs with a byte-order mark and the line ends of Windows.
#[test]
fn a_byte_order_mark_and_other_line_ends_change_nothing() {
    let plain = source::rules(&folder("deploy/rules/sample")).expect("shipped rules are right");
    let mut files = folder("deploy/rules/sample");
    for file in &mut files {
        file.text = format!("\u{feff}{}", file.text.replace('\n', "\r\n"));
    }
    let exported = source::rules(&files).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert_eq!(exported.digest, plain.digest);
    let labs = files.iter_mut().find(|file| file.name == "labs.csv").expect("it is there");
    labs.text = labs.text.replace("LAB-3,Third", "LAB 3,Third");
    let errors = source::rules(&files).expect_err("a blank");
    assert_eq!((errors.len(), errors[0].line), (1, Some(4)), "{}", errors[0]);
}

/// Two versions of a policy: the earlier one ends on the day the later one begins.
#[test]
fn a_new_version_takes_over_on_its_first_day() {
    let mut files = sample_with("tier-clean-day.toml", "levels =", "effective_until = \"2022-11-11\"\nlevels =");
    let later = files.iter().find(|file| file.name == "tier-clean-day.toml").expect("it is there").text.clone();
    let later = later.replace("effective_until = \"2022-11-11\"\n", "").replace("2020-01-01", "2022-11-11");
    files.push(SourceFile { name: "tier-clean-day-2.toml".to_owned(), text: later.replace("days = 7", "days = 5") });
    let case = files.iter().find(|file| file.name == "case-sample.toml").expect("it is there").text.clone();
    files.push(SourceFile { name: "case-2.toml".to_owned(), text: case.replace("2020-01-01", "2022-11-11") });
    let rules = source::rules(&files).unwrap_or_else(|errors| panic!("{errors:#?}"));
    for (on, version) in [("2019-01-01", None), ("2022-11-10", Some("2020-01-01")), ("2022-11-11", Some("2022-11-11"))]
    {
        let day = swabstream::model::time::Day::parse(on).expect("a day");
        assert_eq!(rules.tier_policy(2, 0, day).map(|policy| policy.version.as_str()), version, "{on}");
        // Days before the earliest version have that one: every result needs a case policy.
        let case = format!("sample-case@{}", version.unwrap_or("2020-01-01"));
        assert_eq!(rules.intake_policy(0, day).name, case, "{on}");
    }

    let file = files.iter_mut().find(|file| file.name == "tier-clean-day.toml").expect("it is there");
    file.text = file.text.replace("effective_until = \"2022-11-11\"", "effective_until = \"2022-11-12\"");
    let errors = source::rules(&files).expect_err("both hold on 2022-11-11");
    assert!(errors.len() == 1 && errors[0].problem.contains("on the same days"), "{errors:#?}");
}
