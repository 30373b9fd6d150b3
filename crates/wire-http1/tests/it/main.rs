//! The codec against its contract: laws, rule table, round trips, allocation, and the rules of each half.

mod client;
mod client_exchange;
mod client_rules;
mod encode;
mod exchange;
mod features;
mod laws;
mod memory;
mod round_trip;
mod rules;
mod server;
