// KV memory over time, every token of it accounted for.
import { axis, chart, legend, timeZoom, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { h, section } from '../dom.js';
import { brief, duration, fixed, percent } from '../format.js';
import { foldedTable, table } from '../table.js';
import { timeAxis } from '../ticks.js';

export const parts = [
  ['used', 'used', 'holds tokens of running sequences'],
  ['reserved', 'reserved', 'kept for tokens still to come'],
  ['internal', 'internal waste', 'rounding that will never be filled'],
  ['external', 'external waste', 'holes too small for who waits'],
  ['cached', 'cached', 'reusable, of nobody who runs'],
  ['free', 'free', 'nothing in it'],
];

const capacityOf = (timeline) => parts.reduce((sum, [name]) => sum + timeline[name][0], 0);

// Thinner than a pixel, a part would be nothing but the seam between its neighbours.
const drawn = (timeline) =>
  parts.filter(([name]) => Math.max(...timeline[name]) > capacityOf(timeline) / 100);
const thin = (timeline) => parts.filter((part) => !drawn(timeline).includes(part));

// The parts on top of each other: every one drawn from zero up to its own top, the lowest last, so
// that no seam shows. A point is [time, top, tokens].
function layers(timeline) {
  const tops = timeline.time_s.map(() => 0);
  return parts
    .map((part) => ({
      part,
      data: timeline.time_s.map((time, i) => {
        const tokens = timeline[part[0]][i];
        return [time, (tops[i] += tokens), tokens];
      }),
    }))
    .filter(({ part }) => drawn(timeline).includes(part))
    .reverse();
}

// `small`: one of several, without what is said once for all.
export function memoryOption(timeline, small) {
  const capacity = capacityOf(timeline);
  const line = ({ marker, seriesName, value }) =>
    `${marker}${seriesName}: ${fixed(value[2])} tokens (${percent(value[2] / capacity)})`;
  return {
    legend: small
      ? undefined
      : legend({ selectedMode: false, data: drawn(timeline).map(([, text]) => text) }),
    grid: { left: 56, right: 16, top: small ? 8 : 34, bottom: small ? 24 : 64 },
    tooltip: tooltip({
      trigger: 'axis',
      formatter: (points) =>
        [`at ${duration(points[0].value[0])}`, ...points.map(line).reverse()].join('<br>'),
    }),
    dataZoom: small ? undefined : [timeZoom()],
    xAxis: axis({ ...timeAxis(timeline.time_s, small ? 4 : 8), splitLine: { show: false } }),
    yAxis: axis({
      type: 'value',
      min: 0,
      max: capacity,
      axisLabel: { formatter: brief, showMaxLabel: false },
    }),
    series: layers(timeline).map(({ part: [name, text], data }) => ({
      type: 'line',
      name: text,
      step: 'end',
      showSymbol: false,
      color: color(name),
      lineStyle: { width: 0 },
      areaStyle: { opacity: 1 },
      emphasis: { disabled: true },
      data,
    })),
  };
}

function held({ kv }) {
  const split = [
    ['holds tokens', kv.utilization.mean, 'kv.utilization.mean'],
    ['reserved', kv.waste.reserved, 'kv.waste.reserved'],
    ['internal waste', kv.waste.internal, 'kv.waste.internal'],
    ['external waste', kv.waste.external, 'kv.waste.external'],
  ].map(([name, share, path]) => ({ name, share, path }));
  return table(
    'What sequences were given, over the whole run',
    [
      { name: 'part', left: true, value: (row) => row.name },
      {
        name: 'share of held memory',
        value: (row) => row.share,
        text: (row) => percent(row.share, 2),
        path: (row) => row.path,
      },
    ],
    split,
  );
}

// The samples of the timelines as numbers.
export function moments(runs) {
  const columns = [
    ...(runs.length > 1 ? [{ name: 'run', left: true }] : []),
    { name: 'time_s', text: (row) => fixed(row.time_s, 3) },
    ...parts.map(([name]) => ({ name, text: (row) => fixed(row[name]) })),
  ];
  const rows = () =>
    runs.flatMap(({ label, timeline }) =>
      timeline.time_s.map((time_s, i) => ({
        run: label,
        time_s,
        ...Object.fromEntries(parts.map(([name]) => [name, timeline[name][i]])),
      })),
    );
  return foldedTable('memory over time, in tokens', columns, rows);
}

export function memory(run) {
  const { timeline, summary } = run;
  if (!timeline)
    return section(
      'memory',
      'Memory',
      'Each request served alone, outside of time.',
      held(summary),
    );
  const { kv } = summary;
  const left = thin(timeline).map(([, text]) => text);
  return section(
    'memory',
    'Memory over time',
    `Tokens of KV memory, ${fixed(kv.capacity_tokens)} in all; ` +
      `${fixed(timeline.time_s.length)} moments, every ${duration(timeline.interval_s)}. ` +
      `${parts.map(([, text, meaning]) => `${text}: ${meaning}`).join('; ')}.`,
    chart({
      title: 'Where the memory went',
      height: 330,
      label: () =>
        `On average ${percent(kv.usage.mean)} of it is held by running sequences and ` +
        `${percent(kv.cached)} cached; at most ${percent(kv.usage.max)} is held.`,
      option: () => memoryOption(timeline),
    }),
    left.length > 0
      ? h(
          'p',
          { class: 'muted' },
          `Never more than 1 % of the memory, and not drawn: ${left.join(', ')}.`,
        )
      : null,
    moments([run]),
    held(summary),
  );
}
