// The tree of cached prefixes of a snapshot, and which of its nodes are open.

// Columns to nodes. Node 0 is the root: the empty prefix.
export function treeOf({ tree }) {
  const nodes = tree.parent.map((parent, i) => ({
    i,
    parent,
    children: [],
    writer: tree.writer[i],
    depth: tree.depth[i],
    tokens: tree.tokens_each[i],
    users: tree.users[i],
    hits: tree.hits[i],
    age: tree.age_ms[i] < 0 ? null : tree.age_ms[i] / 1000,
    hiddenNodes: tree.more_nodes[i],
    hiddenTokens: tree.more_tokens[i],
    open: false,
  }));
  for (const node of nodes) if (node.parent >= 0) nodes[node.parent].children.push(node);
  // Parents come before their children: backwards, a node's children are summed up before it.
  for (const node of [...nodes].reverse())
    node.below = node.children.reduce(
      (sum, child) => sum + child.below,
      node.tokens + node.hiddenTokens,
    );
  for (const node of nodes) node.children.sort((a, b) => b.below - a.below || a.i - b.i);
  openLargest(nodes[0]);
  return nodes;
}

// Opens from the root, the heaviest first, until about a screenful is shown.
function openLargest(root) {
  const edge = [root];
  let shown = 1;
  while (edge.length > 0 && shown < 16) {
    edge.sort((a, b) => b.below - a.below);
    const node = edge.shift();
    node.open = true;
    shown += node.children.length;
    edge.push(...node.children.filter((child) => child.children.length > 0));
  }
  root.open = true;
}

// The visible nodes in drawing order, each with the rows it spans: a leaf one, a parent its own.
export function layout(root) {
  const visible = [];
  let row = 0;
  const place = (node) => {
    node.firstRow = row;
    visible.push(node);
    const inside = node.open ? node.children : [];
    inside.forEach(place);
    if (inside.length === 0 || node.hiddenNodes > 0) row += 1;
    node.rows = row - node.firstRow;
  };
  place(root);
  return { visible, rows: row };
}
