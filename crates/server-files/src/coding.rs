//! Which content codings a client takes (RFC 9110 section 12.5.3).

/// A content coding of which a file can lie ready beside the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

impl Coding {
    /// In order of preference, where a client has none.
    pub(crate) const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The token of `Content-Encoding`.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of a precompressed file ends with.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings to try, best first, before the original: those with a weight above 0 that is not below the weight that the
/// client gives to `identity`. A client that says nothing gets the original.
pub(crate) fn acceptable(accept_encoding: Option<&[u8]>) -> impl Iterator<Item = Coding> + use<> {
    let mut weights = [None; 3];
    let (mut identity, mut any) = (None, None);
    for element in accept_encoding.unwrap_or_default().split(|&byte| byte == b',') {
        let mut parts = element.split(|&byte| byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let Some(weight) = parts.next().map_or(Some(1000), weight) else { continue };
        let is = |token: &str| name.eq_ignore_ascii_case(token.as_bytes());
        let place = if let Some(at) = Coding::ALL.iter().position(|coding| is(coding.token())) {
            &mut weights[at]
        } else if is("x-gzip") {
            &mut weights[Coding::Gzip as usize]
        } else if is("identity") {
            &mut identity
        } else if is("*") {
            &mut any
        } else {
            continue;
        };
        // Said twice: the better one.
        *place = (*place).max(Some(weight));
    }
    let mut codings = Coding::ALL.map(|coding| (coding, weights[coding as usize].or(any).unwrap_or(0)));
    // Stable: equal weights stay in our order.
    codings.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let least = identity.unwrap_or(0).max(1);
    codings.into_iter().filter(move |(_, weight)| *weight >= least).map(|(coding, _)| coding)
}

/// The weight of `q=0.123` in thousandths (section 12.4.2).
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', value @ ..] = parameter.trim_ascii() else { return None };
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut weight = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (digit, unit) in fraction.iter().zip([100, 10, 1]) {
        weight += char::from(*digit).to_digit(10)? as u16 * unit;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_first() {
        use Coding::{Brotli, Gzip, Zstd};
        for (field, expected) in [
            ("gzip, deflate, br, zstd", &[Zstd, Brotli, Gzip][..]),
            ("gzip", &[Gzip]),
            ("GZip", &[Gzip]),
            ("x-gzip", &[Gzip]),
            ("gzip;q=1.0, br;q=0.5, zstd;q=0", &[Gzip, Brotli]),
            ("br;q=0.001, gzip;q=0.01", &[Gzip, Brotli]),
            ("*", &[Zstd, Brotli, Gzip]),
            ("*;q=0.5, gzip;q=0", &[Zstd, Brotli]),
            ("gzip;q=0.5, identity", &[]),
            ("gzip;q=0.5, identity;q=0.5", &[Gzip]),
            ("identity;q=0, gzip", &[Gzip]),
            ("", &[]),
            ("identity", &[]),
            ("deflate", &[]),
            ("gzip;q=2", &[]),
            ("gzip;q=1.001", &[]),
            ("gzip;q=0.0001", &[]),
            ("gzip;q=", &[]),
            ("gzip;level=1", &[]),
            ("gzip ; q=0.8 , br", &[Brotli, Gzip]),
            (",,gzip,", &[Gzip]),
        ] {
            assert_eq!(acceptable(Some(field.as_bytes())).collect::<Vec<_>>(), expected, "{field}");
        }
        assert_eq!(acceptable(None).count(), 0);
    }
}
