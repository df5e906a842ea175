//! Rules put in force on a real Kafka, and shown from there.

#[path = "support/kafka.rs"]
mod kafka;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use swabstream::cli::rules::targets::Consent;
use swabstream::cli::rules::{RulesCommand, run};
use swabstream::config::KafkaConfig;
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::{Layout, Topic};
use swabstream::policy::sample::sample_rules;

/// A deployment's topics and settings, and a copy of the sample's rules that a test may change.
struct Deployment {
    folder: tempfile::TempDir,
    kafka: KafkaConfig,
}

impl Deployment {
    fn new(name: &str) -> Self {
        let prefix = kafka::unique(name);
        let kafka = KafkaConfig::new(kafka::brokers(), &prefix);
        let layout = Layout { person_tasks: 1, area_tasks: 1 };
        let create = topics::create(&kafka, Wanted { layout, replication: -1, history: false });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(create).expect("topics");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "[kafka]\nbrokers = \"{}\"\nprefix = \"{prefix}\"\n[secret]\nenv = \"NOT_NEEDED_FOR_RULES\"\n",
            kafka::brokers()
        );
        fs::write(folder.path().join("swabstream.conf"), settings).expect("written");
        for entry in
            fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rules/sample")).expect("the sample")
        {
            let path = entry.expect("an entry").path();
            fs::copy(&path, folder.path().join(path.file_name().expect("a file"))).expect("copied");
        }
        Self { folder, kafka }
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join(file);
        let text = fs::read_to_string(&path).expect("a text");
        assert!(text.contains(from), "{file} holds no `{from}`");
        fs::write(&path, text.replace(from, to)).expect("written");
    }

    fn apply(&self) -> (ExitCode, String) {
        self.apply_with(Consent::default())
    }

    fn apply_with(&self, consent: Consent) -> (ExitCode, String) {
        let folder = self.folder.path().to_owned();
        said(&RulesCommand::Apply { config: folder.join("swabstream.conf"), folder, consent, dry_run: false })
    }

    fn show(&self, json: bool) -> (ExitCode, String) {
        said(&RulesCommand::Show { config: self.folder.path().join("swabstream.conf"), json, number: None })
    }
}

fn said(command: &RulesCommand) -> (ExitCode, String) {
    let mut out = Vec::new();
    let code = run(command, &mut out).expect("the broker answers");
    (code, String::from_utf8(out).expect("text"))
}

#[test]
fn rules_applied_are_in_force_and_shown_with_the_digest_of_the_folder() {
    let deployment = Deployment::new("rules-applied");
    let (code, page) = deployment.show(false);
    assert_eq!(code, ExitCode::FAILURE, "{page}");
    assert!(page.contains("no rules are in force"), "{page}");

    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
    assert!(page.contains("+ area/D1\n") && page.contains("in force: 18 added, 0 changed, 0 removed"), "{page}");

    let digest = sample_rules().digest;
    let (code, page) = deployment.show(false);
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
    assert!(page.contains(&format!("in force: 18 records, digest {digest}")), "{page}");

    let (_, json) = deployment.show(true);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["digest"], digest.as_str());
    assert_eq!(json["records"]["lab/LAB-1"]["lab"]["name"], "First Example Laboratory");
    assert_eq!(json["records"].as_object().map(serde_json::Map::len), Some(18));
}

#[test]
fn applying_again_writes_only_when_something_differs() {
    let deployment = Deployment::new("rules-again");
    deployment.apply();
    let (_, page) = deployment.apply();
    assert!(page.starts_with("nothing to do"), "{page}");

    deployment.edit("labs.csv", "LAB-2,Second Example Laboratory\n", "LAB-4,Fourth Example Laboratory\n");
    deployment.edit("case-sample.toml", "horizon_days = 7", "horizon_days = 14");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::SUCCESS);
    let changes: Vec<&str> = page.lines().take(3).collect();
    assert_eq!(changes, ["+ lab/LAB-4", "~ case/sample-case@2020-01-01", "- lab/LAB-2"]);
    let (_, page) = deployment.show(false);
    assert!(page.contains("14 days"), "{page}");
}

#[test]
fn wrong_rules_change_nothing() {
    let deployment = Deployment::new("rules-wrong");
    deployment.apply();
    deployment.edit("case-sample.toml", "horizon_days = 7", "horizon_days = 700");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::FAILURE);
    assert!(page.contains("case-sample.toml:5: horizon_days: 700 is out of bounds"), "{page}");
    assert!(deployment.show(false).1.contains(&sample_rules().digest));
}

#[test]
fn a_record_written_past_the_command_is_said_and_mended_by_applying_again() {
    let deployment = Deployment::new("rules-foreign");
    let mut publisher = Publisher::connect(&deployment.kafka).expect("a publisher");
    let foreign = Publication {
        topic: Topic::Rules,
        partition: None,
        key: b"lab/LAB-1",
        payload: Some(b"\x01"),
        headers: &[],
        timestamp: None,
    };
    publisher.send(foreign).expect("sent");
    let (key, manifest) = sample_rules().manifest();
    publisher.send(Publication { key: key.as_bytes(), payload: Some(&manifest), ..foreign }).expect("sent");
    publisher.flush(std::time::Duration::from_secs(30)).expect("delivered");

    let (code, page) = deployment.show(false);
    assert_eq!(code, ExitCode::FAILURE);
    assert!(page.contains("set/current: the manifest vouches for 18 records"), "{page}");
    assert_eq!(deployment.apply().0, ExitCode::SUCCESS);
    assert_eq!(deployment.show(false).0, ExitCode::SUCCESS);
}

#[test]
fn another_first_target_is_refused_and_one_that_goes_is_said() {
    let deployment = Deployment::new("rules-targets");
    deployment.apply();
    let rsv = "[[targets]]\nid = \"rsv\"\nname = \"respiratory syncytial virus\"\n";
    deployment.edit("deployment.toml", rsv, "");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
    assert!(page.contains("target `rsv` is declared no more"), "{page}");

    deployment.edit("deployment.toml", "id = \"sars-cov-2\"", "id = \"mpox\"");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::FAILURE, "{page}");
    let line = "deployment.toml:14: targets[0].id: `mpox` is the first target here, `sars-cov-2` is the first in force";
    assert!(page.contains(line), "{page}");
    assert!(deployment.show(false).1.contains("sars-cov-2"));
}

#[test]
fn a_text_that_named_a_target_names_no_other_unless_that_is_said() {
    let deployment = Deployment::new("rules-texts");
    deployment.apply();
    // Gone, of a target that stays.
    deployment.edit("deployment.toml", "aliases = [\"FLU-A\"]", "aliases = []");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::FAILURE, "{page}");
    let gone = "`FLU-A` names `influenza-a` in force and names nothing here";
    assert!(page.contains(gone) && page.contains("--rename-texts"), "{page}");
    // And now another target's.
    deployment.edit("deployment.toml", "aliases = [\"SARS-CoV-2\"]", "aliases = [\"SARS-CoV-2\", \"FLU-A\"]");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::FAILURE, "{page}");
    assert!(page.contains("in force and names `sars-cov-2` here"), "{page}");
    assert!(page.contains("nothing was published"), "{page}");
    let (code, page) = deployment.apply_with(Consent { rename_texts: true, ..Consent::default() });
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
}

#[test]
fn a_text_that_named_a_target_is_given_to_another_in_no_two_steps_either() {
    let deployment = Deployment::new("rules-steps");
    deployment.apply();
    let agreed = || Consent { rename_texts: true, ..Consent::default() };
    let refused = |words: &str| {
        let (code, page) = deployment.apply();
        assert_eq!(code, ExitCode::FAILURE, "{page}");
        assert!(page.contains(words) && page.contains("nothing was published"), "{page}");
    };
    // Away with its target, which needs no word, then another one's.
    let rsv = "[[targets]]\nid = \"rsv\"\nname = \"respiratory syncytial virus\"\n";
    deployment.edit("deployment.toml", rsv, "");
    assert_eq!(deployment.apply().0, ExitCode::SUCCESS);
    deployment.edit("deployment.toml", "[\"FLU-A\"]", "[\"FLU-A\", \"rsv\"]");
    refused("`rsv` named `rsv` in rules before those in force and names `influenza-a` here");
    let (code, page) = deployment.apply_with(agreed());
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
    // Away from a target that stays, where that is agreed to, then another one's.
    deployment.edit("deployment.toml", "[\"FLU-A\", \"rsv\"]", "[\"rsv\"]");
    assert_eq!(deployment.apply_with(agreed()).0, ExitCode::SUCCESS);
    deployment.edit("deployment.toml", "[\"SARS-CoV-2\"]", "[\"SARS-CoV-2\", \"FLU-A\"]");
    refused("`FLU-A` named `influenza-a` in rules before those in force and names `sars-cov-2` here");
    // Back to what it named, it means what it meant.
    deployment.edit("deployment.toml", ", \"FLU-A\"]", "]");
    deployment.edit("deployment.toml", "[\"rsv\"]", "[\"FLU-A\", \"rsv\"]");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
}

#[test]
fn what_was_counted_before_a_target_was_declared_gets_another_name_only_where_that_is_said() {
    let deployment = Deployment::new("rules-declared");
    let file = deployment.folder.path().join("deployment.toml");
    let text = fs::read_to_string(&file).expect("a text");
    let (before, targets) = text.split_once("[[targets]]").expect("the sample declares targets");
    let behind = targets.split_once("\n[intake]").map_or(String::new(), |(_, rest)| format!("\n[intake]{rest}"));
    let declare = |targets: &str| fs::write(&file, format!("{before}{targets}{behind}")).expect("written");
    declare("");
    for policy in ["case-influenza.toml", "tier-influenza.toml"] {
        fs::remove_file(deployment.folder.path().join(policy)).expect("removed");
    }
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
    assert!(page.contains("no [[targets]] are declared"), "{page}");

    declare("[[targets]]\nid = \"influenza-a\"\nname = \"influenza A\"\n");
    let (code, page) = deployment.apply();
    assert_eq!(code, ExitCode::FAILURE, "{page}");
    assert!(page.contains("--counted-so-far influenza-a") && page.contains("nothing was published"), "{page}");
    let other = Consent { counted_so_far: Some("rsv".to_owned()), ..Consent::default() };
    assert_eq!(
        deployment.apply_with(other).0,
        ExitCode::FAILURE,
        "it names the target, so that nobody agrees by habit"
    );
    let same = Consent { counted_so_far: Some("influenza-a".to_owned()), ..Consent::default() };
    let (code, page) = deployment.apply_with(same);
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
}
