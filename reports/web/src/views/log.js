// What was given up: evictions from the cache and preemptions of sequences.
import { choice, h, section } from '../dom.js';
import { counted, fixed, request } from '../format.js';
import { table } from '../table.js';

const seconds = { name: 'time_s', text: (row) => fixed(row.time_s, 3) };
const evictionColumns = [
  seconds,
  { name: 'replica' },
  { name: 'computed by', left: true, value: (row) => request(row.writer) },
  { name: 'from token', value: (row) => row.depth, text: (row) => fixed(row.depth) },
  { name: 'tokens' },
  { name: 'reuses', value: (row) => row.hits },
  {
    name: 'made room for',
    left: true,
    value: (row) => (row.needed_by < 0 ? 'a batch' : request(row.needed_by)),
  },
  {
    name: 'chosen by',
    left: true,
    value: (row) => (row.followed ? 'followed its parent' : 'the policy'),
  },
];
const preemptionColumns = [
  seconds,
  { name: 'replica' },
  { name: 'who', left: true, value: (row) => request(row.request) },
  { name: 'prompt tokens', value: (row) => row.prompt, text: (row) => fixed(row.prompt) },
  { name: 'output so far', value: (row) => row.generated, text: (row) => fixed(row.generated) },
  {
    name: 'tokens it had computed',
    value: (row) => row.computed,
    text: (row) => fixed(row.computed),
  },
  { name: 'its preemptions so far', value: (row) => row.times },
];

// A log keeps the first, the last and the worst of its rows: a run may have millions.
function rows(title, worst, log, columns) {
  const kinds = [
    ['first', `first ${log.first.length}`],
    ['last', `last ${log.last.length}`],
    ['worst', `${worst}: ${log.worst.length}`],
  ];
  const place = h('div');
  const show = (kind) =>
    place.replaceChildren(
      table(`${title}: ${kinds.find(([key]) => key === kind)[1]}`, columns, log[kind]),
    );
  show('worst');
  return [choice('Show', kinds, 'worst', show), place];
}

export function log({ log: both, summary, timeline }) {
  if (!both || !timeline) return null;
  const { evictions, preemptions } = both;
  return section(
    'log',
    'Evictions and preemptions',
    `${counted(evictions.count, 'eviction')} from the cache of ` +
      `${fixed(evictions.tokens)} tokens in all (${fixed(evictions.followed)} followed another one), ` +
      `${counted(preemptions.count, 'preemption')} of running sequences, ${fixed(summary.recomputed_tokens)} tokens computed again.`,
    h('h3', {}, 'Evictions'),
    evictions.count > 0
      ? rows('Evictions', 'most reused before', evictions, evictionColumns)
      : h('p', {}, 'None.'),
    h('h3', {}, 'Preemptions'),
    preemptions.count > 0
      ? rows('Preemptions', 'most computed before', preemptions, preemptionColumns)
      : h('p', {}, 'None.'),
  );
}
