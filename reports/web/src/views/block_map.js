// The block map: all memory of one replica as a grid of blocks, at one of a few moments.
import { axis, chart, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { choice, h, section } from '../dom.js';
import { counted, duration, fixed, percent, request } from '../format.js';
import { foldedTable } from '../table.js';
import { cellsOf, describe, owners, sides } from './cells.js';
import { parts } from './memory.js';
import { moments } from './moments.js';
import { prefixTree } from './tree.js';

const columnsFor = (width) => Math.max(32, Math.min(96, Math.floor((width - 66) / 11)));
const rowHeight = (width) => Math.max(6, Math.min(11, (width - 66) / columnsFor(width)));
const heightFor = (cells, width) =>
  Math.max(2, Math.ceil(cells / columnsFor(width))) * rowHeight(width) + 8;

function option(cells, side, width) {
  const columns = columnsFor(width);
  const rows = Math.ceil(cells.length / columns);
  return {
    grid: { left: 58, right: 8, top: 4, bottom: 4 },
    tooltip: tooltip({ formatter: (point) => describe(cells[point.data[3]]) }),
    visualMap: {
      type: 'piecewise',
      show: false,
      dimension: 2,
      pieces: sides[side].pieces().map((piece, i) => ({ value: i, color: color(piece.color) })),
    },
    xAxis: { type: 'category', show: false, data: Array.from({ length: columns }, (_, i) => i) },
    yAxis: axis({
      type: 'category',
      inverse: true,
      splitLine: { show: false },
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { interval: Math.ceil(15 / rowHeight(width)) - 1 },
      data: Array.from({ length: rows }, (_, i) => fixed(cells[i * columns].block)),
    }),
    series: [
      {
        type: 'heatmap',
        progressive: 0,
        itemStyle: { borderWidth: 0.5, borderColor: color('panel') },
        emphasis: { itemStyle: { borderColor: color('text'), borderWidth: 1.5 } },
        data: cells.map((cell, i) => [
          i % columns,
          Math.floor(i / columns),
          sides[side].piece(cell),
          i,
        ]),
      },
    ],
  };
}

// What the colours mean, and how many cells have each.
function key(cells, side) {
  const counts = new Map();
  for (const cell of cells)
    counts.set(sides[side].piece(cell), (counts.get(sides[side].piece(cell)) ?? 0) + 1);
  return sides[side]
    .pieces()
    .map((piece, i) => [piece, counts.get(i) ?? 0])
    .filter(([, count]) => count > 0)
    .map(([piece, count]) =>
      h(
        'li',
        {},
        h('span', { class: 'box', style: `background: var(--${piece.color})` }),
        `${piece.label}: ${percent(count / cells.length)}`,
      ),
    );
}

const shares = (snapshot) => {
  const total = snapshot.memory.reduce((sum, n) => sum + n, 0);
  return parts
    .map(([, text], i) => [text, snapshot.memory[i] / total])
    .filter(([, share]) => share > 0)
    .map(([text, share]) => `${text} ${percent(share)}`)
    .join(', ');
};

export function blockMap(run) {
  const { maps } = run;
  if (!maps || maps.snapshots.length === 0) return null;
  const moment = moments(maps.snapshots);
  let side = 'spent';
  let cells = cellsOf(maps, moment.now());
  const said = h('p', { class: 'said', 'aria-live': 'polite' });
  const legend = h('ul', { class: 'key', 'aria-label': 'Colours' });
  const tell = (cell) => {
    said.textContent = cell ? describe(cell) : '';
  };
  const map = chart({
    title: 'Blocks, in the order of their addresses',
    height: (width) => heightFor(cells.length, width),
    label: () =>
      `${fixed(cells.length)} cells coloured by ${sides[side].name}. ${shares(moment.now())}.`,
    option: (width) => option(cells, side, width),
    onclick: (point) => tell(cells[point.data[3]]),
  });
  const draw = () => {
    legend.replaceChildren(...key(cells, side));
    map.refresh();
  };
  const lookup = h('input', {
    type: 'number',
    id: 'block',
    min: maps.first_block,
    max: cells.at(-1).block,
    step: maps.blocks_per_cell,
    placeholder: String(maps.first_block),
  });
  const find = () =>
    tell(cells[Math.floor((Number(lookup.value) - maps.first_block) / maps.blocks_per_cell)]);
  lookup.addEventListener('input', find);
  moment.onMove(() => {
    cells = cellsOf(maps, moment.now());
    draw();
    if (lookup.value) find();
    else tell(null);
  });
  draw();
  const each =
    maps.blocks_per_cell === 1
      ? `Every block of ${counted(maps.block_tokens, 'token')}`
      : `One block of every ${fixed(maps.blocks_per_cell)}, of ${counted(maps.block_tokens, 'token')} each`;
  return section(
    'map',
    'Block map',
    `${each}, of replica ${maps.replica}: who owns it, how long it was not used, ` +
      `how many running sequences refer to it. A block of the cache belongs to the request that computed it.`,
    moment.slider('map-time'),
    h(
      'div',
      { class: 'controls' },
      choice(
        'Colour by',
        Object.entries(sides).map(([key, { name }]) => [key, name]),
        side,
        (chosen) => {
          side = chosen;
          draw();
        },
      ),
      h('span', { class: 'control' }, h('label', { for: 'block' }, 'Block'), lookup),
    ),
    map,
    legend,
    said,
    foldedTable(
      'who owns the blocks of this snapshot',
      [
        { name: 'owner', left: true, value: (row) => request(row.owner) },
        { name: 'cells' },
        { name: 'in use', value: (row) => row.running },
        { name: 'shared' },
        { name: 'reuses', value: (row) => row.hits },
        {
          name: 'last used',
          value: (row) => row.newest,
          text: (row) => (row.newest === null ? '-' : `${duration(row.newest)} ago`),
        },
      ],
      () => owners(cells),
    ),
    foldedTable(
      'every cell of this snapshot',
      [
        { name: 'block' },
        { name: 'holds', left: true, value: (cell) => parts[cell.spent][1] },
        { name: 'owner', left: true, value: (cell) => request(cell.owner) },
        { name: 'references', value: (cell) => cell.users },
        { name: 'reuses', value: (cell) => cell.hits },
        { name: 'last used s ago', value: (cell) => cell.age },
      ],
      () => cells,
    ),
    prefixTree(maps, moment),
  );
}
