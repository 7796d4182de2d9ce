//! How command lines are read.

use super::{Cli, Command, ServeArgs, command, wants_json};
use clap::FromArgMatches;
use std::ffi::OsString;

fn read(line: &str) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(line.split(' '))?;
    Cli::from_arg_matches(&matches)
}

fn serve_args(line: &str) -> ServeArgs {
    let cli = read(line).unwrap();
    match cli.command {
        None => cli.serve,
        Some(Command::Serve(args)) => args.files.or(cli.serve),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_is_well_formed() {
    command().debug_assert();
}

#[test]
fn options_of_serve_stand_before_or_after_it() {
    let expected =
        ServeArgs { config: Some("a.yaml".into()), listen: Some("[::1]:0".to_owned()), ..ServeArgs::default() };
    for line in [
        "signalbox --config a.yaml --listen [::1]:0",
        "signalbox serve --config a.yaml --listen [::1]:0",
        "signalbox --config a.yaml serve --listen [::1]:0",
        "signalbox --config b.yaml --listen [::1]:0 serve --config a.yaml",
    ] {
        assert_eq!(serve_args(line), expected, "{line}");
    }
}

#[test]
fn wrong_command_lines_are_refused() {
    for line in [
        "signalbox nonsense",
        "signalbox send",
        "signalbox send e.json --type t",
        "signalbox send --type t --to ftp://x",
        "signalbox send --type t --mode fast",
        "signalbox send --type t --extension novalue",
        "signalbox events 17 --type t",
        "signalbox events x",
        "signalbox events --limit 0",
        "signalbox events --since yesterday",
        "signalbox events --status lost",
        "signalbox dead-letters",
        "signalbox tail --count 0",
        "signalbox listen --status 99",
        "signalbox --output yaml",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}

#[test]
fn a_wrong_command_line_may_still_ask_for_json() {
    let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    assert!(wants_json(&line("signalbox tail --output json --bad")));
    assert!(wants_json(&line("signalbox -ojson --bad")));
    assert!(!wants_json(&line("signalbox tail --output text --bad json")));
}
