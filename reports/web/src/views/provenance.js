// Where the numbers come from, and which laws the run was seen to obey.
import { h, section } from '../dom.js';
import { counted, fixed } from '../format.js';
import { foldedTable, table } from '../table.js';

const fields = [
  ['kvsim', 'version'],
  ['config digest', 'config_digest'],
  ['trace', 'trace_name'],
  ['trace format', 'trace_format'],
  ['trace digest', 'trace_digest'],
  ['seed', 'seed'],
  ['fingerprint of the events', 'fingerprint'],
  ['times are', 'cost_kind'],
  ['cost profile', 'cost_profile'],
  ['hold-out error', 'cost_holdout_error'],
  ['steps beyond the timed shapes', 'cost_steps_outside'],
].map(([name, key]) => ({ name, key }));

// A law that this run did not check (`holds` null) is neither kept nor broken.
const statuses = new Map([
  [true, 'holds'],
  [false, 'BROKEN'],
  [null, 'not checked'],
]);

function verdict(invariants) {
  const broken = invariants.filter((law) => law.holds === false).length;
  return broken > 0
    ? h(
        'p',
        { class: 'broken' },
        `${counted(broken, 'broken law')}: a bug of kvsim, please report it.`,
      )
    : h('p', { class: 'holds' }, 'Every law that was checked holds.');
}

const several = (runs) => runs.length > 1;
const union = (lists) => [...new Set(lists.flat())];
// One column per run, or one called `name`.
const perRun = (runs, name, value) =>
  runs.map((run) => ({
    name: several(runs) ? run.label : name,
    left: true,
    value: (row) => value(run, row),
  }));

// Fields by name: those on which all runs agree once, the others run by run.
function agreed(make, caption, runs, fields, value) {
  const same = (row) => runs.every((run) => value(run, row) === value(runs[0], row));
  const field = { name: 'field', left: true, value: (row) => row.name };
  const differing = fields.filter((row) => !same(row));
  return [
    make(
      several(runs) ? `${caption}: the same for all` : caption,
      [field, { name: 'value', left: true, value: (row) => value(runs[0], row) }],
      fields.filter(same),
    ),
    differing.length > 0
      ? make(`${caption}: what differs`, [field, ...perRun(runs, 'value', value)], differing)
      : null,
  ];
}

function laws(runs) {
  const find = (run, text) => run.invariants.find((each) => each.law === text);
  const status = (run, text) => statuses.get(find(run, text)?.holds ?? null);
  const count = {
    name: 'times checked',
    value: (text) => find(runs[0], text).checked,
    text: (text) => fixed(find(runs[0], text).checked),
  };
  const view = table(
    'Laws',
    [
      { name: 'law', left: true, value: (text) => text },
      ...(several(runs) ? [] : [count]),
      ...perRun(runs, 'status', status),
    ],
    union(runs.map((run) => run.invariants.map((each) => each.law))),
  );
  view.querySelectorAll('tbody td').forEach((cell) => {
    const kind = { holds: 'holds', BROKEN: 'broken' }[cell.textContent];
    if (kind) cell.classList.add(kind);
  });
  return [verdict(runs.flatMap((run) => run.invariants)), view];
}

export function provenance(runs) {
  const configs = union(runs.map((run) => Object.keys(run.config))).map((name) => ({ name }));
  const folded = (caption, columns, rows) => foldedTable(caption, columns, () => rows);
  return section(
    'provenance',
    'Provenance and invariants',
    null,
    agreed(
      table,
      'Where the numbers come from',
      runs,
      fields,
      (run, { key }) => run.summary.provenance[key] ?? '-',
    ),
    configs.length > 0
      ? agreed(folded, 'configuration', runs, configs, (run, { name }) =>
          String(run.config[name] ?? '-'),
        )
      : null,
    h('h3', {}, 'Invariants'),
    laws(runs),
  );
}
