//! The tests of server-files against its public API, as one binary.

mod bodies;
mod compressed;
mod race;
mod rules;
mod send_file;
mod sendfile;
mod services;
mod tree;
