//! The `doorward` binary.

/// Memory of a password hash (19 MiB) goes back to the system as soon as it is done: the system's
/// allocator would keep as much in every thread that ever hashed.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    doorward::cli::run()
}
