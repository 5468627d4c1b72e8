// What one cell of the block map says, and how it is coloured by each of its sides.
import { duration, fixed, request } from '../format.js';
import { parts } from './memory.js';

// One letter a cell, as reports/map_recorder writes them.
const letters = 'URIECF';
const digit = (letter) => parseInt(letter, 36);

export function cellsOf(maps, snapshot) {
  return Array.from(snapshot.spent, (letter, i) => ({
    block: maps.first_block + i * maps.blocks_per_cell,
    spent: letters.indexOf(letter),
    owner: snapshot.owner[i],
    users: digit(snapshot.users[i]),
    hits: digit(snapshot.hits[i]),
    age: snapshot.age_ms[i] < 0 ? null : snapshot.age_ms[i] / 1000,
  }));
}

const most = (n) => (n >= 35 ? '35 or more' : String(n));

export function describe(cell) {
  const part = parts[cell.spent];
  const words = [`Block ${fixed(cell.block)}: ${part[1]}`];
  if (cell.owner >= 0) words.push(`tokens of ${request(cell.owner)}`);
  if (cell.users > 0) words.push(`held by ${most(cell.users)} running`);
  if (cell.hits > 0) words.push(`reused ${most(cell.hits)} times`);
  if (cell.age !== null) words.push(`last used ${duration(cell.age)} ago`);
  return words.join(', ');
}

const steps = (of, edges) => edges.findLastIndex((edge) => of >= edge);
const heat = (i) => `heat-${i}`;
const none = (label) => ({ label, color: 'free' });

// Each: the pieces of its legend with the names of their colours, and which piece a cell belongs to.
export const sides = {
  spent: {
    name: 'what it holds',
    pieces: () => parts.map(([name, text]) => ({ label: text, color: name })),
    piece: (cell) => cell.spent,
  },
  owner: {
    name: 'who owns it',
    pieces: () => [
      none('nobody'),
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((i) => ({
        label: `request id mod 8 = ${i - 1}`,
        color: `series-${i}`,
      })),
    ],
    piece: (cell) => (cell.owner < 0 ? 0 : 1 + (cell.owner % 8)),
  },
  age: {
    name: 'age since last use',
    pieces: () => [
      none('never cached'),
      ...['under 0.1 s', '0.1 to 1 s', '1 to 10 s', '10 to 100 s', 'over 100 s'].map(
        (label, i) => ({ label, color: heat(6 - i) }),
      ),
    ],
    piece: (cell) => (cell.age === null ? 0 : 1 + steps(cell.age, [0, 0.1, 1, 10, 100])),
  },
  users: {
    name: 'references: who runs on it',
    pieces: () => [
      none('nobody'),
      ...['1', '2 (shared)', '3 to 4', '5 to 8', '9 or more'].map((label, i) => ({
        label,
        color: heat(i + 2),
      })),
    ],
    piece: (cell) => steps(cell.users, [0, 1, 2, 3, 5, 9]),
  },
  hits: {
    name: 'times reused',
    pieces: () => [
      none('never'),
      ...['1', '2', '3 to 5', '6 to 11', '12 or more'].map((label, i) => ({
        label,
        color: heat(i + 2),
      })),
    ],
    piece: (cell) => steps(cell.hits, [0, 1, 2, 3, 6, 12]),
  },
};

// Who owns how much: for the table behind the map.
export function owners(cells) {
  const byOwner = new Map();
  for (const cell of cells) {
    if (cell.owner < 0) continue;
    const row = byOwner.get(cell.owner) ?? {
      owner: cell.owner,
      cells: 0,
      running: 0,
      shared: 0,
      hits: 0,
      newest: null,
    };
    row.cells += 1;
    row.running += cell.users > 0 ? 1 : 0;
    row.shared += cell.users > 1 ? 1 : 0;
    row.hits += cell.hits;
    if (cell.age !== null) row.newest = Math.min(row.newest ?? cell.age, cell.age);
    byOwner.set(cell.owner, row);
  }
  return [...byOwner.values()].sort((a, b) => b.cells - a.cells || a.owner - b.owner);
}
