//! What the process tells its caller when it ends (design.md §5; the numbers are those of BSD's sysexits).

use std::process::ExitCode;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Ok = 0,
    /// A failure none of the others names.
    Failed = 1,
    /// The command line is wrong.
    Usage = 64,
    /// The input is wrong, or the gateway refused it.
    BadData = 65,
    /// The other side cannot be reached or cannot serve, or a port is in use.
    Unavailable = 69,
    /// The log cannot be written.
    LogBroken = 74,
    /// Another process holds the data directory.
    DataDirInUse = 75,
    /// A config, route or schema file is wrong or missing.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
