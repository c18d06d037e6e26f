//! The tree of a swarm against a slow model that knows everything at once.

use ppspp_dissector::integrity::{
    Ascent, Budget, ContentTree, Evidence, Hash, Peak, Ruling, Settled, SwarmTree, TreeHash, Uncle,
};
use ppspp_dissector::wire::{Bin, ChunkRange, HashFunction};
use proptest::prelude::*;

type Origin = usize;

fn sha1() -> TreeHash {
    TreeHash::new(HashFunction::Sha1).expect("assigned")
}

/// Content of `count` chunks: its filled nodes with their hashes, and peaks.
struct Content {
    nodes: Vec<(Bin, Hash)>,
    peaks: Vec<Peak>,
    root: Hash,
}

impl Content {
    fn of(count: u64) -> Self {
        let mut tree = ContentTree::new(sha1());
        let mut nodes = Vec::new();
        for chunk in 0..count {
            tree.push_with(&chunk.to_be_bytes(), |bin, hash| nodes.push((bin, hash)));
        }
        Self {
            nodes,
            peaks: tree.peaks().to_vec(),
            root: tree.root().expect("some chunks"),
        }
    }

    fn hash_of(&self, bin: Bin) -> Option<Hash> {
        let node = self.nodes.iter().find(|(node, _)| *node == bin)?;
        Some(node.1)
    }
}

/// Something that is sent: a node's hash or a chunk's, right or wrong.
#[derive(Clone, Copy, Debug)]
struct Sent {
    bin: Bin,
    hash: Hash,
    evidence: Evidence,
}

fn wrong(hash: Hash) -> Hash {
    let mut bytes = hash.as_bytes().to_vec();
    bytes[3] ^= 1;
    Hash::from_bytes(&bytes).expect("as long as before")
}

/// What the tree says of each thing sent, when all is over.
fn verdicts(tree: SwarmTree<Origin>, datagrams: &[Vec<Sent>], peaks: &[Peak]) -> Vec<Ruling> {
    verdicts_with(&Uncles::default(), tree, datagrams, peaks)
}

/// Uncles that somebody has foreseen for chunks, in what stands for a datagram.
#[derive(Default)]
struct Uncles {
    payload: Vec<u8>,
    uncles: Vec<Uncle>,
}

impl Uncles {
    fn add(&mut self, hash: &Hash, is_left: bool) {
        let bytes = hash.as_bytes();
        self.uncles.push(Uncle {
            offset: self.payload.len() as u32,
            length: bytes.len() as u16,
            is_left,
        });
        self.payload.extend_from_slice(bytes);
    }

    /// What they make one after the other together with a chunk's hash.
    fn parents_above(&self, chunk: Hash) -> Vec<Hash> {
        let mut node = chunk;
        let uncles = self.uncles.iter();
        uncles
            .map(|uncle| {
                let hash = Hash::from_bytes(uncle.of(&self.payload)).expect("a hash");
                node = if uncle.is_left {
                    sha1().parent(&hash, &node)
                } else {
                    sha1().parent(&node, &hash)
                };
                node
            })
            .collect()
    }
}

/// The same where somebody has climbed by some uncles before.
fn verdicts_with(
    foreseen: &Uncles,
    mut tree: SwarmTree<Origin>,
    datagrams: &[Vec<Sent>],
    peaks: &[Peak],
) -> Vec<Ruling> {
    let mut budget = Budget::default();
    let mut settled: Vec<Settled<Origin>> = Vec::new();
    let mut rulings = Vec::new();
    tree.begin();
    for peak in peaks {
        let bin = Bin::covering(peak.chunks).expect("a peak");
        tree.hash(bin, peak.hash, usize::MAX, &mut settled, &mut budget);
    }
    tree.end(&mut settled, &mut budget);
    for datagram in datagrams {
        tree.begin();
        for sent in datagram {
            let origin = rulings.len() + tree.rulings().len();
            match sent.evidence {
                Evidence::Hash => {
                    tree.hash(sent.bin, sent.hash, origin, &mut settled, &mut budget);
                }
                Evidence::Chunk => {
                    let parents = foreseen.parents_above(sent.hash);
                    tree.chunk(
                        sent.bin,
                        sent.hash,
                        Ascent::new(&foreseen.payload, &foreseen.uncles, &parents),
                        origin,
                        &mut settled,
                        &mut budget,
                    );
                }
            }
        }
        tree.end(&mut settled, &mut budget);
        rulings.extend_from_slice(tree.rulings());
    }
    tree.close(None, &mut settled, &mut budget);
    for settled in settled {
        if let Some(ruling) = rulings.get_mut(settled.origin) {
            *ruling = settled.ruling;
        }
    }
    rulings
}

fn possible(sent: &[Sent], bin: Bin) -> Vec<Hash> {
    let mut hashes: Vec<Hash> = sent
        .iter()
        .filter(|sent| sent.bin == bin)
        .map(|sent| sent.hash)
        .collect();
    if let Some((left, right)) = bin.children() {
        for one in possible(sent, left) {
            for other in possible(sent, right) {
                hashes.push(sha1().parent(&one, &other));
            }
        }
    }
    hashes
}

fn trust(sent: &[Sent], bin: Bin, hash: Hash, trusted: &mut Vec<(Bin, Hash)>) {
    trusted.push((bin, hash));
    let Some((left, right)) = bin.children() else {
        return;
    };
    for one in possible(sent, left) {
        for other in possible(sent, right) {
            if sha1().parent(&one, &other) == hash {
                trust(sent, left, one, trusted);
                trust(sent, right, other, trusted);
                return;
            }
        }
    }
}

/// The slow model: a node may have every hash that was sent for it or that two
/// hashes below make; trusted are the peaks, and whatever makes a trusted hash.
fn model(content: &Content, datagrams: &[Vec<Sent>]) -> Vec<Ruling> {
    let sent: Vec<Sent> = datagrams.iter().flatten().copied().collect();
    let mut trusted = Vec::new();
    for peak in &content.peaks {
        let bin = Bin::covering(peak.chunks).expect("a peak");
        trust(&sent, bin, peak.hash, &mut trusted);
    }
    sent.iter()
        .map(
            |sent| match trusted.iter().find(|(bin, _)| *bin == sent.bin) {
                Some((_, hash)) if *hash == sent.hash => Ruling::Proven,
                Some(_) => Ruling::Refuted,
                None => Ruling::Open,
            },
        )
        .collect()
}

prop_compose! {
    /// Content, and some of its hashes and chunks in any order, `wrongs` of them wrong.
    fn traffic(wrongs: usize)(
        count in 1u64..20,
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..50),
        wrong_at in prop::collection::vec(any::<prop::sample::Index>(), wrongs),
        cuts in prop::collection::vec(1usize..6, 60),
    ) -> (u64, Vec<Vec<Sent>>) {
        let content = Content::of(count);
        let mut all: Vec<Sent> = picks.iter().map(|(pick, is_hash)| {
            let (bin, hash) = content.nodes[pick.index(content.nodes.len())];
            let evidence = if *is_hash || bin.layer() > 0 { Evidence::Hash } else { Evidence::Chunk };
            Sent { bin, hash, evidence }
        }).collect();
        for at in wrong_at {
            let at = at.index(all.len());
            all[at].hash = wrong(all[at].hash);
        }
        let mut datagrams = Vec::new();
        let mut cuts = cuts.into_iter();
        while !all.is_empty() {
            let rest = all.split_off(cuts.next().unwrap_or(1).min(all.len()));
            datagrams.push(std::mem::replace(&mut all, rest));
        }
        (count, datagrams)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn in_any_order_everything_is_proven_that_can_be((count, datagrams) in traffic(0)) {
        let content = Content::of(count);
        let tree = SwarmTree::of_content(sha1(), content.root, 1);
        prop_assert_eq!(verdicts(tree, &datagrams, &content.peaks), model(&content, &datagrams));
    }

    #[test]
    fn a_wrong_hash_or_chunk_is_refuted_and_spoils_nothing_that_can_be_proven(
        (count, datagrams) in traffic(1),
    ) {
        let content = Content::of(count);
        let tree = SwarmTree::of_content(sha1(), content.root, 1);
        let sent: Vec<Sent> = datagrams.iter().flatten().copied().collect();
        let verdicts = verdicts(tree, &datagrams, &content.peaks);
        for (index, (verdict, model)) in verdicts.iter().zip(model(&content, &datagrams)).enumerate() {
            if *verdict == Ruling::Contradicted {
                prop_assert_eq!(model, Ruling::Open, "{:?}", sent[index]);
            } else {
                prop_assert_eq!(*verdict, model, "{:?}", sent[index]);
            }
        }
    }

    #[test]
    fn whatever_is_sent_only_the_truth_is_proven_and_only_lies_are_refuted(
        (count, datagrams) in traffic(12),
    ) {
        let content = Content::of(count);
        let tree = SwarmTree::of_content(sha1(), content.root, 1);
        let sent: Vec<Sent> = datagrams.iter().flatten().copied().collect();
        for (index, verdict) in verdicts(tree, &datagrams, &content.peaks).iter().enumerate() {
            let is_true = content.hash_of(sent[index].bin) == Some(sent[index].hash);
            match verdict {
                Ruling::Proven => prop_assert!(is_true),
                Ruling::Refuted => prop_assert!(!is_true),
                Ruling::Contradicted | Ruling::Open => {}
            }
        }
    }

    #[test]
    fn what_somebody_climbed_before_changes_nothing_be_it_by_the_right_uncles_or_not(
        (count, datagrams) in traffic(3),
        chunk in any::<prop::sample::Index>(),
        others in prop::collection::vec(
            prop::option::weighted(0.2, any::<(prop::sample::Index, bool)>()), 0..6),
    ) {
        let content = Content::of(count);
        let sent: Vec<Hash> = datagrams.iter().flatten().map(|sent| sent.hash).collect();
        let mut node = Bin::leaf(chunk.index(count as usize) as u64);
        let mut foreseen = Uncles::default();
        for other in others {
            let right = node.and_then(Bin::sibling);
            node = node.and_then(Bin::parent);
            if let Some((pick, is_left)) = other {
                foreseen.add(&sent[pick.index(sent.len())], is_left);
            } else if let Some(bin) = right && let Some(hash) = content.hash_of(bin) {
                foreseen.add(&hash, bin.is_left());
            }
        }
        let tree = || SwarmTree::of_content(sha1(), content.root, 1);
        prop_assert_eq!(
            verdicts_with(&foreseen, tree(), &datagrams, &content.peaks),
            verdicts(tree(), &datagrams, &content.peaks)
        );
    }

    #[test]
    fn complete_content_proves_itself_without_a_single_hash(count in 1u64..70, seed in any::<u64>()) {
        let content = Content::of(count);
        let mut leaves: Vec<Sent> = content.nodes.iter().filter(|(bin, _)| bin.layer() == 0)
            .map(|&(bin, hash)| Sent { bin, hash, evidence: Evidence::Chunk }).collect();
        let length = leaves.len();
        leaves.rotate_left(seed as usize % length);
        let datagrams: Vec<_> = leaves.into_iter().map(|leaf| vec![leaf]).collect();
        let tree = SwarmTree::of_content(sha1(), content.root, 1);
        let verdicts = verdicts(tree, &datagrams, &[]);
        prop_assert!(verdicts.iter().all(|verdict| *verdict == Ruling::Proven), "{verdicts:?}");
    }
}

#[test]
fn peaks_tell_the_size() {
    for count in 1..40 {
        let content = Content::of(count);
        let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
        let (mut settled, mut budget) = (Vec::new(), Budget::default());
        for peak in &content.peaks {
            assert_eq!(tree.size(), None);
            tree.begin();
            let bin = Bin::covering(peak.chunks).expect("a peak");
            tree.hash(bin, peak.hash, 0, &mut settled, &mut budget);
            tree.end(&mut settled, &mut budget);
        }
        assert_eq!(tree.size(), Some(count));
        let width = count.next_power_of_two();
        let root = Bin::covering(ChunkRange::new(0, width - 1).expect("ordered"));
        assert_eq!(tree.root_bin(), root);
    }
}

#[test]
fn the_root_sent_as_a_hash_does_not_hide_the_size() {
    let content = Content::of(7);
    let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
    let (mut settled, mut budget) = (Vec::new(), Budget::default());
    tree.begin();
    let whole = Bin::covering(ChunkRange::new(0, 7).expect("ordered")).expect("a node");
    tree.hash(whole, content.root, 0, &mut settled, &mut budget);
    for peak in &content.peaks {
        let bin = Bin::covering(peak.chunks).expect("a peak");
        tree.hash(bin, peak.hash, 0, &mut settled, &mut budget);
    }
    tree.end(&mut settled, &mut budget);
    assert_eq!(tree.size(), Some(7));
    assert_eq!(tree.rulings(), [Ruling::Proven; 4]);
}

#[test]
fn a_wrong_chunk_is_refuted_by_the_hashes_that_came_with_it_only_at_the_end() {
    let content = Content::of(4);
    let leaf = Bin::leaf(1).expect("a chunk");
    let right = content.hash_of(leaf).expect("a node");
    let node = |number| {
        let bin = Bin::new(number).expect("a bin");
        (bin, content.hash_of(bin).expect("a node"))
    };
    for comes_right_later in [false, true] {
        let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
        let (mut settled, mut budget) = (Vec::new(), Budget::default());
        tree.begin();
        for (bin, hash) in [node(3), node(5), node(0)] {
            tree.hash(bin, hash, 0, &mut settled, &mut budget);
        }
        tree.chunk(
            leaf,
            wrong(right),
            Ascent::default(),
            1,
            &mut settled,
            &mut budget,
        );
        tree.end(&mut settled, &mut budget);
        let last = tree.rulings().last();
        assert_eq!(last, Some(&Ruling::Contradicted));
        if comes_right_later {
            tree.begin();
            tree.chunk(leaf, right, Ascent::default(), 2, &mut settled, &mut budget);
            tree.end(&mut settled, &mut budget);
            assert_eq!(tree.rulings(), [Ruling::Proven]);
        }
        tree.close(None, &mut settled, &mut budget);
        let of_wrong: Vec<Ruling> = settled
            .iter()
            .filter(|settled| settled.origin == 1)
            .map(|settled| settled.ruling)
            .collect();
        let expected = if comes_right_later {
            Ruling::Refuted
        } else {
            Ruling::Contradicted
        };
        assert_eq!(of_wrong, [expected]);
    }
}

#[test]
fn what_somebody_climbed_before_is_not_computed_again() {
    let content = Content::of(2);
    let node = |number| content.hash_of(Bin::new(number).expect("a bin"));
    let (left, right) = (node(0).expect("a chunk"), node(2).expect("a chunk"));
    // Believed: only so can the test see that it is looked at.
    let untrue = [wrong(content.root)];
    for (uncle, is_left, expected) in [
        (right, false, Ruling::Contradicted),
        (right, true, Ruling::Proven),
        (wrong(right), false, Ruling::Proven),
    ] {
        let mut foreseen = Uncles::default();
        foreseen.add(&uncle, is_left);
        let ascent = Ascent::new(&foreseen.payload, &foreseen.uncles, &untrue);
        let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
        let (mut settled, mut budget) = (Vec::new(), Budget::default());
        tree.begin();
        let bin = |number| Bin::new(number).expect("a bin");
        tree.hash(bin(1), content.root, 0, &mut settled, &mut budget);
        tree.hash(bin(2), right, 0, &mut settled, &mut budget);
        tree.chunk(bin(0), left, ascent, 1, &mut settled, &mut budget);
        assert_eq!(tree.rulings().last(), Some(&expected));
    }
}

#[test]
fn a_datagram_of_many_hashes_is_weighed_as_a_small_one() {
    let content = Content::of(128);
    let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
    let (mut settled, mut budget) = (Vec::new(), Budget::default());
    tree.begin();
    for &(bin, hash) in content.nodes.iter().filter(|(bin, _)| bin.layer() == 0) {
        tree.hash(bin, hash, 0, &mut settled, &mut budget);
    }
    tree.end(&mut settled, &mut budget);
    assert!((0..128).all(|chunk| tree.is_proven(Bin::leaf(chunk).expect("a chunk"))));
}

#[test]
fn hashes_of_absurd_chunks_stop_at_the_budget() {
    let content = Content::of(4);
    let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
    let (mut settled, mut budget) = (Vec::new(), Budget::new(10, 1000));
    for number in 0..5_000u64 {
        tree.begin();
        let bin = Bin::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2).expect("a bin");
        tree.hash(bin, wrong(content.root), 0, &mut settled, &mut budget);
        tree.end(&mut settled, &mut budget);
    }
    assert!(budget.is_exhausted());
    tree.close(None, &mut settled, &mut budget);
    assert!(settled.is_empty());
}

#[test]
fn a_right_chunk_is_not_blamed_for_false_hashes_that_hide_the_right_one() {
    let content = Content::of(2);
    let node = |number| {
        let bin = Bin::new(number).expect("a bin");
        (bin, content.hash_of(bin).expect("a node"))
    };
    let mut tree = SwarmTree::<Origin>::of_content(sha1(), content.root, 1);
    let (mut settled, mut budget) = (Vec::new(), Budget::default());
    let (sibling, right) = node(2);
    let fakes = [wrong(right), sha1().chunk(b"fake")];
    for (bin, hash) in [node(1), (sibling, right)]
        .into_iter()
        .chain(fakes.map(|fake| (sibling, fake)))
    {
        tree.begin();
        tree.hash(bin, hash, 0, &mut settled, &mut budget);
        tree.end(&mut settled, &mut budget);
    }
    tree.begin();
    let (bin, hash) = node(0);
    tree.chunk(bin, hash, Ascent::default(), 1, &mut settled, &mut budget);
    tree.end(&mut settled, &mut budget);
    assert_eq!(tree.rulings(), [Ruling::Open]);
    tree.close(None, &mut settled, &mut budget);
    assert!(settled.is_empty(), "{settled:?}");
}
