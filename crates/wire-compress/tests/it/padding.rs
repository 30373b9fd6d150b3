//! Padding: of any length, skipped by decoders, the same for the same content.

use wire_compress::{Coding, EncoderConfig, Flush, Padding};

use crate::common::{decode, encode_pieces, encode_with, json, unlimited};

fn config(key: u8, max: u16) -> EncoderConfig {
    let mut config = EncoderConfig::default();
    config.padding = Some(Padding::new([key; 16], max));
    config
}

#[test]
fn padded_content_decodes_and_its_length_varies_with_the_key_alone() {
    for content in [b"".to_vec(), b"a".to_vec(), json(1_000), json(20_000)] {
        for coding in Coding::PREFERENCE {
            let plain = encode_with(coding, &EncoderConfig::default(), &content).len();
            let mut lens = Vec::new();
            for key in 0..60 {
                let wire = encode_with(coding, &config(key, 40), &content);
                assert_eq!(decode(coding.token(), &unlimited(), &wire).as_ref(), Ok(&content), "{coding}");
                assert_eq!(encode_with(coding, &config(key, 40), &content), wire, "{coding}");
                lens.push(wire.len());
            }
            let (least, most) = (lens.iter().min().copied().unwrap(), lens.iter().max().copied().unwrap());
            lens.sort_unstable();
            lens.dedup();
            assert!(lens.len() > 20, "{coding}: {lens:?}");
            assert!(most - least <= 40 && least > plain && most <= plain + 60, "{coding}: {plain}, {lens:?}");
        }
    }
}

#[test]
fn long_padding_in_little_room() {
    let content = json(3_000);
    for coding in Coding::PREFERENCE {
        for max in [300, u16::MAX] {
            for room in [1, 10, 100] {
                let mut encoder = wire_compress::Encoder::new(coding, &config(3, max), None).unwrap();
                let pieces: Vec<_> = content.chunks(700).map(|piece| (piece, Flush::None)).collect();
                let mut wire = encode_pieces(&mut encoder, &pieces, room);
                wire.extend(encode_pieces(&mut encoder, &[(b"", Flush::Finish)], room));
                assert_eq!(decode(coding.token(), &unlimited(), &wire).as_ref(), Ok(&content));
            }
        }
    }
}
