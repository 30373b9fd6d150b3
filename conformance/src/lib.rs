//! Rules of the protocols as tables, and the code that reads them. What replays a table stands with what it tests.

pub mod ws;
