//! The codec against its contract: laws, rule tables, round trips, allocation, policy.

mod encode;
mod form;
mod laws;
mod memory;
mod policy;
mod round_trip;
mod rules;
