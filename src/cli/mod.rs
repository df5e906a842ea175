//! The command line: what can be typed. Each command is a file: it parses, calls the rest of the crate, and says what
//! came of it.

use clap::{CommandFactory as _, Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

pub mod audit;
pub mod check;
pub mod demo;
pub mod file;
mod interrupt;
pub mod publish;
mod reading;
pub mod repair;
pub mod rules;
pub mod run;
pub mod skip_lost;
pub mod topics;
pub mod watch;

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

Exit codes: 0 done, 1 done and something was found wrong, 2 could not."
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
  swabstream topics check --config swabstream.toml"
    )]
    Topics(topics::TopicsCommand),
    /// Check rules, put them in force, show them
    #[command(
        subcommand,
        after_help = "Examples:
  swabstream rules check deploy/rules/chongqing
  swabstream rules apply deploy/rules/chongqing --config swabstream.toml
  swabstream rules show --config swabstream.toml"
    )]
    Rules(rules::RulesCommand),
    Publish(publish::PublishCommand),
    Check(check::CheckCommand),
    Watch(watch::WatchArgs),
    Audit(audit::AuditArgs),
    Repair(repair::RepairArgs),
    SkipLost(skip_lost::SkipLostArgs),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  swabstream completions bash > /etc/bash_completion.d/swabstream")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs what was typed. Whoever closes our output has read enough (`| head`): that is no error.
pub fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match dispatch(&cli.command, &mut out) {
        Err(error) if is_closed(&error) => Ok(ExitCode::SUCCESS),
        result => result,
    }
}

fn dispatch(command: &Command, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args),
        Command::Run(args) => run::run(args),
        Command::Topics(command) => topics::run(command, out),
        Command::Rules(command) => rules::run(command, out),
        Command::Publish(command) => publish::run(command, out),
        Command::Check(command) => check::run(command, out),
        Command::Watch(args) => watch::run(args, out),
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

fn is_closed(error: &anyhow::Error) -> bool {
    let closed = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(closed)
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
