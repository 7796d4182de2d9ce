//! Routes by the beginning of a text: one walk along the text finds all beginnings of it, however many there are.

/// A radix tree of byte strings; each holds the numbers of its routes in rising order.
#[derive(Debug)]
pub struct Trie {
    /// The first one is the root, which stands for the empty text.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The bytes from its parent to it.
    label: Box<[u8]>,
    /// First byte of the label and number of each child, in order of bytes.
    children: Vec<(u8, usize)>,
    routes: Vec<u32>,
}

/// A text seen from one of its ends.
#[derive(Debug, Clone, Copy)]
pub enum End<'t> {
    /// From its first byte.
    Front(&'t [u8]),
    /// From its last byte.
    Back(&'t [u8]),
}

impl End<'_> {
    fn at(self, index: usize) -> Option<u8> {
        match self {
            End::Front(text) => text.get(index).copied(),
            End::Back(text) => text.len().checked_sub(index + 1).and_then(|at| text.get(at)).copied(),
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            End::Front(text) => text.to_vec(),
            End::Back(text) => text.iter().rev().copied().collect(),
        }
    }
}

impl Default for Trie {
    fn default() -> Self {
        Trie { nodes: vec![Node::default()] }
    }
}

impl Trie {
    /// True when it leads to no route.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1 && self.nodes[0].routes.is_empty()
    }

    /// Files a route under a text. Routes must come in rising order.
    pub fn insert(&mut self, text: End<'_>, route: u32) {
        let node = self.node_of(&text.bytes());
        if self.nodes[node].routes.last() != Some(&route) {
            self.nodes[node].routes.push(route);
        }
    }

    /// Calls `found` with the routes of every text that `text` begins with.
    pub fn walk<'t>(&'t self, text: End<'_>, mut found: impl FnMut(&'t [u32])) {
        let (mut node, mut depth) = (&self.nodes[0], 0);
        loop {
            if !node.routes.is_empty() {
                found(&node.routes);
            }
            let Some(next) = text.at(depth).and_then(|byte| self.child(node, byte)) else { return };
            let fits = |(offset, byte): (usize, &u8)| text.at(depth + offset) == Some(*byte);
            if !next.label.iter().enumerate().all(fits) {
                return;
            }
            depth += next.label.len();
            node = next;
        }
    }

    fn child(&self, node: &Node, byte: u8) -> Option<&Node> {
        let at = node.children.binary_search_by_key(&byte, |(first, _)| *first).ok()?;
        self.nodes.get(node.children[at].1)
    }

    /// The node of a text, made where there is none.
    fn node_of(&mut self, text: &[u8]) -> usize {
        let (mut node, mut rest) = (0, text);
        while let Some(first) = rest.first() {
            let slot = match self.nodes[node].children.binary_search_by_key(first, |(byte, _)| *byte) {
                Ok(slot) => slot,
                Err(slot) => {
                    let leaf = self.add(Node { label: rest.into(), ..Node::default() });
                    self.nodes[node].children.insert(slot, (*first, leaf));
                    return leaf;
                }
            };
            let child = self.nodes[node].children[slot].1;
            let label = &self.nodes[child].label;
            let common = label.iter().zip(rest).take_while(|(one, two)| one == two).count();
            if common < label.len() {
                node = self.divide(node, slot, common);
            } else {
                node = child;
            }
            rest = &rest[common..];
        }
        node
    }

    /// Puts a node between a node and its child, after the first `length` bytes of the child's label.
    fn divide(&mut self, parent: usize, slot: usize, length: usize) -> usize {
        let child = self.nodes[parent].children[slot].1;
        let label = std::mem::take(&mut self.nodes[child].label);
        let (above, below) = label.split_at(length);
        let middle = Node { label: above.into(), children: vec![(below[0], child)], routes: Vec::new() };
        self.nodes[child].label = below.into();
        let middle = self.add(middle);
        self.nodes[parent].children[slot].1 = middle;
        middle
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Trie};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_beginning_and_end_is_found_and_nothing_else(
            texts in prop::collection::vec("[ab]{0,6}", 0..30),
            text in "[ab]{0,8}",
        ) {
            let (mut starts, mut ends) = (Trie::default(), Trie::default());
            for (number, text) in (0..).zip(&texts) {
                starts.insert(End::Front(text.as_bytes()), number);
                ends.insert(End::Back(text.as_bytes()), number);
            }
            prop_assert_eq!(starts.is_empty(), texts.is_empty());
            let found = |trie: &Trie, end: End<'_>| {
                let mut found = Vec::new();
                trie.walk(end, |routes| found.extend_from_slice(routes));
                found.sort_unstable();
                found
            };
            let naive = |fits: &dyn Fn(&str) -> bool| -> Vec<u32> {
                (0..).zip(&texts).filter(|(_, one)| fits(one)).map(|(number, _)| number).collect()
            };
            prop_assert_eq!(found(&starts, End::Front(text.as_bytes())), naive(&|one| text.starts_with(one)));
            prop_assert_eq!(found(&ends, End::Back(text.as_bytes())), naive(&|one| text.ends_with(one)));
        }
    }
}
