//! The command line: what can be typed. Each command is a file: it parses, calls the rest of the crate, and says what
//! came of it. A command that changes something does so whatever becomes of its output
//! ([`output`](crate::terminal::output)).

use crate::telemetry::logs;
use crate::terminal::output::{Duty, Output};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

mod asked;
pub mod audit;
pub mod check;
pub mod days;
pub mod deadletters;
pub mod demo;
pub mod fate;
pub mod file;
pub mod policy;
pub mod publish;
mod reading;
mod receipts;
pub mod repair;
pub mod report;
pub mod rules;
pub mod run;
pub mod show;
pub mod skip_lost;
pub mod topics;
mod unfinished;
pub mod watch;
mod way;

/// Nucleic-acid test results from Kafka: contacts matched, alerts raised, positivity and risk tiers kept, exactly once
#[derive(Debug, Parser)]
#[command(
    name = "swabstream",
    version,
    max_term_width = 110,
    after_help = "Examples:
  swabstream demo
  swabstream topics create --config swabstream.toml
  swabstream rules apply deploy/rules/chongqing --config swabstream.toml
  swabstream run --config swabstream.toml

Exit codes:
  0    done
  1    done, and something was found wrong
  2    it could not be done, or not all of it; the last line says what was
  141  a command that only looks: its output was closed before the end (as by | head)

A command that changes something does all of it whatever becomes of its output; what could not be written there is said \
on standard error, and the exit code is that of the work. A command that only looks has done nothing where what it says \
cannot be written (a full disk, an output that is closed from the start): it ends with 2 and says so there. Where its reader \
goes before the end it ends with 141, or with 1 if something was found wrong until then."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    /// Create the topics, or say what is wrong with them
    #[command(
        subcommand,
        after_help = "Examples:
  swabstream topics create --config swabstream.toml
  swabstream topics check --config swabstream.toml

Exit codes: 0 all is right, 1 something is wrong, 2 the broker could not be asked, or what was found not be written."
    )]
    Topics(topics::TopicsCommand),
    /// Check rules, put them in force, show them
    #[command(
        subcommand,
        after_help = "Examples:
  swabstream rules check deploy/rules/chongqing
  swabstream rules apply deploy/rules/chongqing --config swabstream.toml
  swabstream rules show --config swabstream.toml

Exit codes: 0 done, 1 the rules are wrong or there are none, 2 it could not be done."
    )]
    Rules(rules::RulesCommand),
    /// Show which days are closed, and let one close without a task that is lost
    #[command(
        subcommand,
        after_help = "Examples:
  swabstream days list --config swabstream.toml
  swabstream days mark-incomplete 2026-11-29 --without 3 --by 'Zhang Wei' --reason 'disk lost'
  swabstream days unmark 2026-11-29 --config swabstream.toml

Exit codes: 0 done, 1 a day waits, or cannot be marked, or there are no rules, 2 it could not be done."
    )]
    Days(days::DaysCommand),
    Publish(publish::PublishCommand),
    Check(check::CheckCommand),
    Watch(watch::WatchArgs),
    /// Show what is published of something, put together for whoever has to act on it
    #[command(
        subcommand,
        after_help = "Examples:
  swabstream show duties 500103 --config swabstream.toml
  swabstream show duties 500103 --day 2022-11-12 --json --config swabstream.toml
  swabstream show positivity 500103 --as-of 2022-11-15 --config swabstream.toml
  swabstream show tier 500103 --csv --config swabstream.toml

Exit codes: 0 shown, 2 it could not be read or written, or there is no such thing, 141 its reader went before the end."
    )]
    Show(show::ShowCommand),
    Fate(fate::FateArgs),
    Receipts(receipts::ReceiptsArgs),
    /// Look into records that could not be used, and send them again
    #[command(
        name = "deadletters",
        subcommand,
        after_help = "Examples:
  swabstream deadletters list --since 12h --config swabstream.toml
  swabstream deadletters explain lab-results/3/41 --config swabstream.toml
  swabstream deadletters show lab-results/3/41 --show-payload --config swabstream.toml
  swabstream deadletters retry --code unknown_area --since 3d --config swabstream.toml

Exit codes: 0 done, 1 not all would be taken, 2 it could not be done, or there is no such letter, 141 its reader went before the \
end."
    )]
    DeadLetters(deadletters::DeadLettersCommand),
    /// Explain what tier policies decide, try them, and compare them
    #[command(
        subcommand,
        after_help = "Examples:
  swabstream policy explain 500103 --config swabstream.toml
  swabstream policy test my-rules
  swabstream policy compare now.toml new.toml --config swabstream.toml

Exit codes: 0 done, 1 a case is not as it must be, 2 it could not be read or written, or there is no such thing, 141 its reader \
went before the end."
    )]
    Policy(policy::PolicyCommand),
    Audit(audit::AuditArgs),
    Repair(repair::RepairArgs),
    SkipLost(skip_lost::SkipLostArgs),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  swabstream completions bash > /etc/bash_completion.d/swabstream

Exit codes: 0 printed, 2 the shell is not known, or the script could not be written, 141 its reader went before the end.")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    fn duty(&self) -> Duty {
        match self {
            Self::Demo(_) | Self::Run(_) | Self::Publish(_) => Duty::Changes,
            Self::Repair(args) => args.duty(),
            Self::SkipLost(args) => args.duty(),
            Self::Topics(command) => command.duty(),
            Self::Rules(command) => command.duty(),
            Self::Days(command) => command.duty(),
            Self::DeadLetters(command) => command.duty(),
            Self::Check(_) | Self::Watch(_) | Self::Show(_) | Self::Policy(_) => Duty::Looks,
            Self::Audit(_) | Self::Fate(_) | Self::Receipts(_) | Self::Completions { .. } => Duty::Looks,
        }
    }
}

/// Runs what was typed, or says what is wrong with it.
pub fn run_typed() -> anyhow::Result<ExitCode> {
    match Cli::try_parse() {
        Ok(cli) => run(&cli),
        // Help and version are asked for: they look.
        Err(text) if !text.use_stderr() => Output::printed(|| text.print()),
        // Not by its own exit, which says nothing of what could not be written.
        Err(error) => {
            let _ = error.print();
            Ok(ExitCode::from(2))
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let mut out = Output::standard(cli.command.duty())?;
    let worked = dispatch(&cli.command, &mut out);
    let ended = out.end(worked);
    logs::finish();
    ended
}

fn dispatch(command: &Command, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args, out),
        Command::Run(args) => run::run(args),
        Command::Topics(command) => topics::run(command, out),
        Command::Rules(command) => rules::run(command, out),
        Command::Days(command) => days::run(command, out),
        Command::Publish(command) => publish::run(command, out),
        Command::Check(command) => check::run(command, out),
        Command::Watch(args) => watch::run(args, out),
        Command::Show(command) => show::run(command, out),
        Command::Fate(args) => fate::run(args, out),
        Command::Receipts(args) => receipts::run(args, out),
        Command::DeadLetters(command) => deadletters::run(command, out),
        Command::Policy(command) => policy::run(command, out),
        Command::Audit(args) => audit::run(args, out),
        Command::Repair(args) => repair::run(args, out),
        Command::SkipLost(args) => skip_lost::run(args, out),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "swabstream", &mut script);
            out.write_all(&script)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command below one.
    fn below(command: &clap::Command) -> Vec<clap::Command> {
        let own = command.get_subcommands().filter(|one| one.get_name() != "help");
        own.flat_map(|one| std::iter::once(one.clone()).chain(below(one))).collect()
    }

    #[test]
    fn the_configuration_is_found_in_the_environment_by_every_command() {
        for command in below(&Cli::command()) {
            let config = command.get_arguments().find(|argument| argument.get_id() == "config");
            let variable = config.map(|config| config.get_env().and_then(|name| name.to_str()));
            assert!(matches!(variable, None | Some(Some("SWABSTREAM_CONFIG"))), "{}", command.get_name());
        }
    }

    #[test]
    fn every_command_says_what_its_exit_codes_mean() {
        for command in below(&Cli::command()).into_iter().chain([Cli::command()]) {
            let name = command.get_name();
            let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
            let help = help.unwrap_or_default();
            let codes = help.split_once("\n\nExit codes:").map(|(_, codes)| codes.trim_start()).unwrap_or_default();
            assert!(codes.starts_with("0 ") && codes.contains('2'), "{name}: {help}");
        }
    }

    #[test]
    fn every_command_teaches_by_example_in_lines_that_fit_any_terminal() {
        let commands = below(&Cli::command());
        assert!(commands.len() > 12, "{}", commands.len());
        for command in commands {
            let name = command.get_name();
            let help = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.starts_with("Example"), "{name}: {help}");
            // Prose that is broken by hand is broken again where the terminal ends.
            let lines: Vec<&str> = help.lines().collect();
            let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
            let broken = lines.windows(2).find(|pair| is_prose(pair[0]) && is_prose(pair[1]));
            assert_eq!(broken, None, "{name}");
            let long = lines.iter().find(|line| line.starts_with(' ') && line.chars().count() > 100);
            assert_eq!(long, None, "{name}");
        }
    }
}
