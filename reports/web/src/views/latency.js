// Latency distributions: one small cumulative curve per measure, of one run or of several.
import { axis, chart, escaped, seriesColors, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { h, section } from '../dom.js';
import { brief, fixed, percent } from '../format.js';
import { logAxis } from '../ticks.js';
import { foldedTable, table } from '../table.js';

const measures = [
  ['ttft_ms', 'Time to first token'],
  ['tpot_ms', 'Time per output token'],
  ['itl_ms', 'Gap between tokens'],
  ['e2e_ms', 'End to end'],
  ['queue_ms', 'Waiting for admission'],
];
const quantiles = ['mean', 'p50', 'p90', 'p95', 'p99', 'max'];

// [[ms, percent of the samples that are at most that]]; a zero has no place on a log axis.
function cumulative({ upto_ms: upto, count }) {
  const total = count.reduce((sum, n) => sum + n, 0);
  let sum = 0;
  return upto.map((ms, i) => [Math.max(ms, 0.001), (100 * (sum += count[i])) / total]);
}

// The shortest and the longest, and a little room between them.
function range(lines) {
  const low = Math.min(...lines.map((line) => line[0][0]));
  const high = Math.max(...lines.map((line) => line.at(-1)[0]));
  return high > low * 1.01 ? [low, high] : [low * 0.9, low * 1.1];
}

function panel(runs, [measure, name]) {
  const several = runs.length > 1;
  const of = runs[0].summary[measure];
  const lines = runs.map((run) => cumulative(run.latency[measure]));
  const marks = [
    ['p50', 'right'],
    ['p99', 'left'],
  ].map(([q, align]) => ({ xAxis: Math.max(of[q], 0.001), name: q, label: { align } }));
  return chart({
    title: `${name}, ms`,
    height: several ? 250 : 210,
    label: () =>
      runs
        .map((run) => {
          const q = run.summary[measure];
          return `${several ? `${run.label}: ` : ''}median ${brief(q.p50)} ms, p99 ${brief(q.p99)} ms`;
        })
        .join('; '),
    option: () => ({
      grid: { left: 44, right: 26, top: 22, bottom: 26 },
      tooltip: tooltip({
        trigger: 'axis',
        axisPointer: { type: 'line' },
        formatter: (points) =>
          points
            .map(
              (p) =>
                `${escaped(p.seriesName)}: ${fixed(p.value[1], 1)} % within ` +
                `${brief(p.value[0])} ms`,
            )
            .join('<br>'),
      }),
      xAxis: axis(logAxis(...range(lines))),
      yAxis: axis({
        type: 'value',
        min: 0,
        max: 100,
        interval: 25,
        axisLabel: { formatter: '{value} %' },
      }),
      series: runs.map((run, i) => ({
        type: 'line',
        name: several ? run.label : name,
        showSymbol: false,
        step: 'end',
        color: seriesColors()[i % 8],
        lineStyle: { width: 2, type: i < 8 ? 'solid' : 'dashed' },
        data: lines[i],
        markLine: several
          ? undefined
          : {
              silent: true,
              symbol: 'none',
              data: marks,
              lineStyle: { color: color('muted'), type: 'dashed' },
              label: { formatter: '{b}', color: color('muted') },
            },
      })),
    }),
  });
}

function key(runs) {
  return h(
    'ul',
    { class: 'key' },
    runs.map((run, i) =>
      h(
        'li',
        {},
        h('span', { class: 'swatch', style: `background: var(--series-${(i % 8) + 1})` }),
        run.label,
      ),
    ),
  );
}

// The curves as numbers.
function distributions(runs) {
  const rows = () =>
    runs.flatMap((run) =>
      measures.flatMap(([measure, name]) =>
        cumulative(run.latency[measure]).map(([ms, share], i) => ({
          run: run.label,
          name,
          ms,
          samples: run.latency[measure].count[i],
          share: share / 100,
        })),
      ),
    );
  return foldedTable(
    'latency distributions',
    [
      ...(runs.length > 1 ? [{ name: 'run', left: true }] : []),
      { name: 'measure', left: true, value: (row) => row.name },
      { name: 'up to ms', value: (row) => row.ms, text: (row) => fixed(row.ms, 3) },
      { name: 'samples', text: (row) => fixed(row.samples) },
      { name: 'share so far', value: (row) => row.share, text: (row) => percent(row.share, 2) },
    ],
    rows,
  );
}

export function latency(all) {
  if (all.every((run) => measures.every(([measure]) => run.summary[measure].count === 0)))
    return null;
  const runs = all.filter((run) => run.latency);
  const rows = all.flatMap((run) => measures.map(([measure, name]) => ({ run, measure, name })));
  const several = all.length > 1;
  const columns = [
    {
      name: 'measure',
      left: true,
      value: (row) => (several ? `${row.run.label}: ${row.name}` : row.name),
    },
    {
      name: 'samples',
      value: (row) => row.run.summary[row.measure].count,
      text: (row) => fixed(row.run.summary[row.measure].count),
    },
    ...quantiles.map((q) => ({
      name: `${q} ms`,
      value: (row) => row.run.summary[row.measure][q],
      text: (row) => fixed(row.run.summary[row.measure][q], 2),
      path: several ? undefined : (row) => `${row.measure}.${q}`,
    })),
  ];
  const drawn = measures.filter(([measure]) =>
    runs.some((run) => run.latency[measure].count.length),
  );
  return section(
    'latency',
    'Latency',
    'The share of requests (or of gaps between tokens) that took at ' +
      'most so long; waiting is part of the time to the first token and end to end.',
    several && runs.length ? key(runs) : null,
    h(
      'div',
      { class: 'multiples' },
      drawn.map((measure) =>
        panel(
          runs.filter((run) => run.latency[measure[0]].count.length),
          measure,
        ),
      ),
    ),
    table('Latency quantiles', columns, rows),
    runs.length > 0 ? distributions(runs) : null,
  );
}
