//! The `signalbox` binary: allocator, runtime, exit code. Everything else is [`signalbox::cli`].

use signalbox::cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(command_line) => match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(cli::run(command_line)),
            Err(error) => cli::no_runtime(&error, command_line.output),
        },
        Err(code) => code,
    }
}
