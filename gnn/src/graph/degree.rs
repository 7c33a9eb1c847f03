//! What can be read off the ends of the edges.

use super::EdgeIndex;

impl EdgeIndex {
    /// Number of edges into each node, `[N]`; parallel edges and loops count each.
    ///
    /// ```
    /// use astern_gnn::EdgeIndex;
    ///
    /// let edges = EdgeIndex::new(4, [(0, 1), (0, 1), (2, 2)])?;
    /// assert_eq!(edges.in_degrees(), [0, 2, 1, 0]);
    /// assert_eq!(edges.out_degrees(), [2, 0, 1, 0]);
    /// assert!(edges.has_loops());
    /// assert_eq!(edges.isolated_nodes(), [2, 3]);
    /// # Ok::<(), astern_gnn::GraphDataError>(())
    /// ```
    pub fn in_degrees(&self) -> Vec<u32> {
        let starts = self.offsets().windows(2);
        starts.map(|pair| pair[1] - pair[0]).collect()
    }

    /// Number of edges out of each node, `[N]`; parallel edges and loops count each.
    pub fn out_degrees(&self) -> Vec<u32> {
        let mut degrees = vec![0; self.n_nodes()];
        for &source in self.source() {
            degrees[source as usize] += 1;
        }
        degrees
    }

    /// Whether any edge leads from a node to itself.
    pub fn has_loops(&self) -> bool {
        self.pairs().any(|(source, target)| source == target)
    }

    /// Nodes that neither receive from nor send to another, ascending: those without edges but for
    /// loops.
    pub fn isolated_nodes(&self) -> Vec<u32> {
        let mut alone = vec![true; self.n_nodes()];
        for (source, target) in self.pairs().filter(|(source, target)| source != target) {
            alone[source as usize] = false;
            alone[target as usize] = false;
        }
        let nodes = (0u32..).zip(alone);
        nodes
            .filter_map(|(node, alone)| alone.then_some(node))
            .collect()
    }
}
