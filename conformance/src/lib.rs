//! The rules of the protocols as data, and the code that reads them. The same table runs against a codec, at every split of
//! its bytes, and against a server; what replays it stands with what it tests.

pub mod http1;
pub mod http1c;
pub mod ws;
