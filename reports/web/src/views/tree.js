// The prefix tree: drawn to scale (tokens to the right, branches downwards), and as a tree of text
// for the keyboard and for screen readers. Both show and change the same open nodes.
import { axis, chart, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { h } from '../dom.js';
import { brief, counted, duration, fixed, request } from '../format.js';
import { foldedTable } from '../table.js';
import { layout, treeOf } from './tree_model.js';

const rowHeight = (rows) => Math.max(4, Math.min(22, 420 / rows));

function text(node) {
  if (node.i === 0) return `All prefixes: ${fixed(node.below)} tokens`;
  const words = [
    `tokens ${fixed(node.depth)} to ${fixed(node.depth + node.tokens)}`,
    `by ${request(node.writer)}`,
  ];
  if (node.users > 0) words.push(`${fixed(node.users)} running on it`);
  if (node.hits > 0) words.push(`reused ${counted(node.hits, 'time')}`);
  if (node.age !== null) words.push(`last ${duration(node.age)} ago`);
  const below = node.children.length + node.hiddenNodes;
  if (below > 0)
    words.push(
      `${counted(node.children.length, 'branch', 'branches')}, ${fixed(node.below)} tokens in all`,
    );
  return words.join(', ');
}

const fill = (node) => (node.users > 0 ? color('used') : color('cached'));

function option({ visible, rows }) {
  const drawn = visible.filter((node) => node.i > 0);
  const deepest = Math.max(1, ...drawn.map((node) => node.depth + node.tokens));
  return {
    grid: { left: 8, right: 14, top: 4, bottom: 42 },
    tooltip: tooltip({ formatter: (point) => text(drawn[point.dataIndex]) }),
    xAxis: axis({
      type: 'value',
      min: 0,
      max: deepest,
      name: 'tokens from the start of the prompt',
      nameLocation: 'middle',
      nameGap: 26,
      axisLabel: { formatter: brief, showMaxLabel: false },
    }),
    yAxis: { type: 'value', min: 0, max: rows, inverse: true, show: false },
    series: [
      {
        type: 'custom',
        encode: { x: [0, 1], y: [2, 3] },
        data: drawn.map((node) => ({
          value: [node.depth, node.depth + node.tokens, node.firstRow, node.firstRow + node.rows],
          node: node.i,
        })),
        renderItem: (params, api) => {
          const [x, y] = api.coord([api.value(0), api.value(2)]);
          const [right, bottom] = api.coord([api.value(1), api.value(3)]);
          const node = drawn[params.dataIndex];
          const closed = !node.open && node.children.length > 0;
          return {
            type: 'rect',
            shape: {
              x,
              y: y + 0.5,
              width: Math.max(1.5, right - x - 1),
              height: Math.max(1, bottom - y - 1),
              r: 1.5,
            },
            style: {
              fill: fill(node),
              opacity: node.hits > 0 || node.users > 0 ? 1 : 0.55,
              stroke: closed ? color('text') : undefined,
              lineWidth: closed ? 1 : 0,
            },
          };
        },
      },
    ],
  };
}

// Arrow keys as the ARIA pattern for trees has them.
function move(event, item, node, change) {
  const items = [...item.closest('[role=tree]').querySelectorAll('[role=treeitem]')];
  const at = items.indexOf(item);
  const isOpen = node.open && node.children.length > 0;
  const goTo = (other) => other && change(Number(other.dataset.node));
  const keys = {
    ArrowDown: () => goTo(items[at + 1]),
    ArrowUp: () => goTo(items[at - 1]),
    Home: () => goTo(items[0]),
    End: () => goTo(items.at(-1)),
    ArrowRight: () => (isOpen ? goTo(items[at + 1]) : change(node.i, true)),
    ArrowLeft: () =>
      isOpen ? change(node.i, false) : goTo(item.parentElement.closest('[role=treeitem]')),
    Enter: () => change(node.i, !node.open),
    ' ': () => change(node.i, !node.open),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}

// `change(node, open?)` opens or closes a node, and gives it the focus.
function listItem(node, focused, change) {
  const inside = node.open ? node.children : [];
  const item = h(
    'li',
    {
      role: 'treeitem',
      'data-node': node.i,
      tabindex: node.i === focused ? 0 : -1,
      'aria-expanded': node.children.length > 0 ? String(node.open) : null,
      'aria-labelledby': `node-${node.i}`,
      onkeydown: (event) => move(event, item, node, change),
    },
    h('span', { id: `node-${node.i}`, onclick: () => change(node.i, !node.open) }, text(node)),
    inside.length > 0
      ? h(
          'ul',
          { role: 'group' },
          inside.map((child) => listItem(child, focused, change)),
        )
      : null,
    node.open && node.hiddenNodes > 0
      ? h(
          'div',
          { class: 'more' },
          `${fixed(node.hiddenNodes)} more below, ${fixed(node.hiddenTokens)} tokens`,
        )
      : null,
  );
  return item;
}

export function prefixTree(maps, moment) {
  let nodes = treeOf(moment.now());
  if (maps.snapshots.every((snapshot) => snapshot.tree.parent.length < 2))
    return h('p', { class: 'muted' }, 'No prefixes are cached in this run.');
  const tree = h('ul', { role: 'tree', 'aria-label': 'Cached prefixes' });
  const said = h('p', { class: 'muted', id: 'tree-sum' });
  const drawing = chart({
    title:
      'Drawn to scale: blue is in use, green is cached, pale was never reused, outlined has more inside',
    height: () => {
      const { rows } = layout(nodes[0]);
      return Math.max(120, rows * rowHeight(rows)) + 46;
    },
    label: () => said.textContent,
    option: () => option(layout(nodes[0])),
    onclick: (point) => change(point.data.node, !nodes[point.data.node].open),
  });
  function show(focused, keepFocus) {
    const {
      tree: { nodes: all, tokens },
    } = moment.now();
    said.textContent =
      `${fixed(all)} stretches of prompts, ${fixed(tokens)} tokens; ` +
      `${fixed(nodes.length - 1)} of them can be opened here, the largest branches.`;
    tree.replaceChildren(listItem(nodes[0], focused, change));
    if (keepFocus) tree.querySelector(`[data-node="${focused}"]`)?.focus();
    drawing.refresh();
  }
  function change(i, open = nodes[i].open) {
    nodes[i].open = open;
    show(i, true);
  }
  moment.onMove(() => {
    nodes = treeOf(moment.now());
    show(0, false);
  });
  show(0, false);
  return h(
    'div',
    { id: 'tree' },
    h('h3', {}, 'Prefix tree'),
    said,
    moment.slider('tree-time'),
    h('div', { class: 'tree-view' }, drawing, tree),
    foldedTable(
      'cached prefixes of this snapshot',
      [
        { name: 'from token', value: (node) => node.depth },
        { name: 'tokens' },
        { name: 'by', left: true, value: (node) => request(node.writer) },
        { name: 'running on it', value: (node) => node.users },
        { name: 'reuses', value: (node) => node.hits },
        { name: 'last used s ago', value: (node) => node.age },
        { name: 'tokens below', value: (node) => node.below - node.tokens },
      ],
      () => nodes.slice(1),
    ),
  );
}
