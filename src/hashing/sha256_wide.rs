//! SHA-256 of sixteen chunks side by side (FIPS 180-4, section 6.2): one word of
//! each in a vector. The SHA instructions hash one block at a time; a processor
//! whose vectors have 512 bits is faster without them.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set_epi64,
    _mm512_set1_epi32, _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32,
    _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use ppspp_dissector::integrity::Hash;

use super::lanes::{BLOCK, Padded};
use super::sha256::{INITIAL, ROUND};

/// Chunks that are hashed side by side.
pub(super) const LANES: usize = super::MOST;

/// Of x, y and z: all three exclusively or-ed; y where x is set and else z; what
/// most of them are.
const PARITY: i32 = 0x96;
const CHOICE: i32 = 0xca;
const MAJORITY: i32 = 0xe8;

/// Hashes sixteen chunks of the same length.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn hash(chunks: &[&[u8]; LANES]) -> [Hash; LANES] {
    let mut state = INITIAL.map(|word| _mm512_set1_epi32(word.cast_signed()));
    let whole = chunks.map(|chunk| chunk.as_chunks::<BLOCK>().0);
    for number in 0..whole.iter().map(|blocks| blocks.len()).min().unwrap_or(0) {
        compress(&mut state, whole.map(|blocks| &blocks[number]));
    }
    if chunks[0].len().is_multiple_of(BLOCK) {
        // After whole blocks comes one with nothing of the chunk in it.
        let end = Padded::end_of(chunks[0]);
        for block in end.blocks() {
            compress_same(&mut state, block);
        }
        return digests(&state);
    }
    let ends = chunks.map(Padded::end_of);
    for number in 0..ends.iter().map(|end| end.blocks().len()).min().unwrap_or(0) {
        compress(&mut state, ends.each_ref().map(|end| &end.blocks()[number]));
    }
    digests(&state)
}

/// The eight words of the state.
type State = [__m512i; 8];

/// One round; `$input` is the round's constant and the message's word together.
macro_rules! round {
    ($input:expr, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        // What is there early comes first: the next round waits for $d.
        let early = _mm512_add_epi32($h, $input);
        let choice = _mm512_ternarylogic_epi32::<CHOICE>($e, $f, $g);
        let late = rotations::<6, 11, 25>($e);
        $d = _mm512_add_epi32(_mm512_add_epi32(choice, _mm512_add_epi32(early, $d)), late);
        let sum = _mm512_add_epi32(_mm512_add_epi32(choice, early), late);
        let majority = _mm512_ternarylogic_epi32::<MAJORITY>($a, $b, $c);
        $h = _mm512_add_epi32(_mm512_add_epi32(majority, sum), rotations::<2, 13, 22>($a));
    };
}

/// Eight rounds on the words of the state by their names, after which each is where
/// it was, so that none has to be moved. `$input` makes the input of the round of that
/// number; `$then` is done after it.
macro_rules! eight_rounds {
    ($input:ident $then:ident [$a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident]
     $r0:literal $r1:literal $r2:literal $r3:literal $r4:literal $r5:literal $r6:literal $r7:literal) => {
        round!($input!($r0), $a $b $c $d $e $f $g $h);
        $then!($r0);
        round!($input!($r1), $h $a $b $c $d $e $f $g);
        $then!($r1);
        round!($input!($r2), $g $h $a $b $c $d $e $f);
        $then!($r2);
        round!($input!($r3), $f $g $h $a $b $c $d $e);
        $then!($r3);
        round!($input!($r4), $e $f $g $h $a $b $c $d);
        $then!($r4);
        round!($input!($r5), $d $e $f $g $h $a $b $c);
        $then!($r5);
        round!($input!($r6), $c $d $e $f $g $h $a $b);
        $then!($r6);
        round!($input!($r7), $b $c $d $e $f $g $h $a);
        $then!($r7);
    };
}

macro_rules! nothing {
    ($n:literal) => {};
}

/// Takes in a block of each lane.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
// The names of FIPS 180-4.
#[allow(clippy::many_single_char_names)]
fn compress(state: &mut State, blocks: [&[u8; BLOCK]; LANES]) {
    let mut w = words(blocks);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    // The word sixteen places further on is made as soon as one is done with: a
    // round waits for the one before, and this does not.
    macro_rules! next_word {
        ($n:literal) => {
            let word = |n: usize| w[($n + n) % 16];
            w[$n] = _mm512_add_epi32(
                _mm512_add_epi32(word(0), rotations_and_shift::<7, 18, 3>(word(1))),
                _mm512_add_epi32(word(9), rotations_and_shift::<17, 19, 10>(word(14))),
            );
        };
    }
    for first in [0, 16, 32] {
        macro_rules! input {
            ($n:literal) => {
                _mm512_add_epi32(_mm512_set1_epi32(ROUND[first + $n].cast_signed()), w[$n])
            };
        }
        // Unrolled, so that the places in `w` are fixed.
        eight_rounds!(input next_word [a b c d e f g h] 0 1 2 3 4 5 6 7);
        eight_rounds!(input next_word [a b c d e f g h] 8 9 10 11 12 13 14 15);
    }
    macro_rules! last_input {
        ($n:literal) => {
            _mm512_add_epi32(_mm512_set1_epi32(ROUND[48 + $n].cast_signed()), w[$n])
        };
    }
    eight_rounds!(last_input nothing [a b c d e f g h] 0 1 2 3 4 5 6 7);
    eight_rounds!(last_input nothing [a b c d e f g h] 8 9 10 11 12 13 14 15);
    add(state, &[a, b, c, d, e, f, g, h]);
}

/// Takes in a block that is the same in all lanes.
#[target_feature(enable = "avx512f")]
#[inline]
#[allow(clippy::many_single_char_names)]
fn compress_same(state: &mut State, block: &[u8; BLOCK]) {
    let inputs = inputs(block);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for inputs in inputs.as_chunks::<8>().0 {
        macro_rules! input {
            ($n:literal) => {
                _mm512_set1_epi32(inputs[$n].cast_signed())
            };
        }
        eight_rounds!(input nothing [a b c d e f g h] 0 1 2 3 4 5 6 7);
    }
    add(state, &[a, b, c, d, e, f, g, h]);
}

/// The inputs of all rounds of a block.
fn inputs(block: &[u8; BLOCK]) -> [u32; 64] {
    let mut w = [0u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for n in 16..64 {
        let (near, far) = (w[n - 15], w[n - 2]);
        let near = near.rotate_right(7) ^ near.rotate_right(18) ^ near >> 3;
        let far = far.rotate_right(17) ^ far.rotate_right(19) ^ far >> 10;
        let sum = w[n - 16].wrapping_add(near);
        w[n] = sum.wrapping_add(w[n - 7]).wrapping_add(far);
    }
    std::array::from_fn(|n| w[n].wrapping_add(ROUND[n]))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add(state: &mut State, after: &State) {
    for (word, after) in state.iter_mut().zip(after) {
        *word = _mm512_add_epi32(*word, *after);
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn rotations<const ONE: i32, const TWO: i32, const THREE: i32>(word: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<PARITY>(
        _mm512_ror_epi32::<ONE>(word),
        _mm512_ror_epi32::<TWO>(word),
        _mm512_ror_epi32::<THREE>(word),
    )
}

#[target_feature(enable = "avx512f")]
#[inline]
fn rotations_and_shift<const ONE: i32, const TWO: i32, const SHIFT: u32>(word: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<PARITY>(
        _mm512_ror_epi32::<ONE>(word),
        _mm512_ror_epi32::<TWO>(word),
        _mm512_srli_epi32::<SHIFT>(word),
    )
}

/// The words of sixteen blocks: the first of each in the first vector, and so on.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn words(blocks: [&[u8; BLOCK]; LANES]) -> [__m512i; 16] {
    // Swaps the bytes of each 32-bit word.
    const HIGH: i64 = 0x0c0d_0e0f_0809_0a0b;
    const LOW: i64 = 0x0405_0607_0001_0203;
    let swap = _mm512_set_epi64(HIGH, LOW, HIGH, LOW, HIGH, LOW, HIGH, LOW);
    transposed(&blocks.map(|block| {
        // SAFETY: the block has the 64 bytes of a vector, at any address.
        let words = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        _mm512_shuffle_epi8(words, swap)
    }))
}

/// Rows become columns.
#[target_feature(enable = "avx512f")]
#[inline]
fn transposed(rows: &[__m512i; 16]) -> [__m512i; 16] {
    // Within each quarter of a vector, first pairs of rows, then fours.
    let pairs: [__m512i; 16] = std::array::from_fn(|n| {
        let (one, other) = (rows[n / 2 * 2], rows[n / 2 * 2 + 1]);
        if n % 2 == 0 {
            _mm512_unpacklo_epi32(one, other)
        } else {
            _mm512_unpackhi_epi32(one, other)
        }
    });
    // `fours[4 * group + column]` has in its quarters the columns `column`, 4
    // further, 8 and 12 further of the rows of that group.
    let fours: [__m512i; 16] = std::array::from_fn(|n| {
        let half = n / 4 * 4 + n % 4 / 2;
        let (one, other) = (pairs[half], pairs[half + 2]);
        if n % 2 == 0 {
            _mm512_unpacklo_epi64(one, other)
        } else {
            _mm512_unpackhi_epi64(one, other)
        }
    });
    std::array::from_fn(|n| {
        let group = |group: usize| fours[4 * group + n % 4];
        // The quarter `n / 4` of each of the four groups.
        let (one, other) = if n / 4 % 2 == 0 {
            (
                _mm512_shuffle_i32x4::<0b10_00_10_00>(group(0), group(1)),
                _mm512_shuffle_i32x4::<0b10_00_10_00>(group(2), group(3)),
            )
        } else {
            (
                _mm512_shuffle_i32x4::<0b11_01_11_01>(group(0), group(1)),
                _mm512_shuffle_i32x4::<0b11_01_11_01>(group(2), group(3)),
            )
        };
        if n / 4 < 2 {
            _mm512_shuffle_i32x4::<0b10_00_10_00>(one, other)
        } else {
            _mm512_shuffle_i32x4::<0b11_01_11_01>(one, other)
        }
    })
}

#[target_feature(enable = "avx512f")]
#[inline]
fn digests(state: &State) -> [Hash; LANES] {
    let words = state.map(|lanes| {
        let mut words = [0u32; LANES];
        // SAFETY: the array has the 64 bytes of a vector, at any address.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), lanes) };
        words
    });
    std::array::from_fn(|lane| {
        let mut hash = [0; 32];
        for (bytes, words) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&words) {
            *bytes = words[lane].to_be_bytes();
        }
        Hash::from(hash)
    })
}
