//! The `signalbox` binary: allocator, runtime, exit code. Everything else is [`signalbox::cli`].

use signalbox::cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    no_huge_pages();
    match cli::parse(std::env::args_os()) {
        Ok(command_line) => match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(cli::run(command_line)),
            Err(error) => cli::no_runtime(&error, command_line.output),
        },
        Err(code) => code,
    }
}

/// The allocator asks for huge pages, of which each one touched counts two megabytes: memory would grow by many times what a
/// request holds. Small pages cost no measurable time and two thirds of the memory. A kernel that cannot do it costs only that.
fn no_huge_pages() {
    #[cfg(target_os = "linux")]
    rustix::thread::disable_transparent_huge_pages(true).ok();
}
