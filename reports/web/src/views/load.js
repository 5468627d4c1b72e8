// Queue and batch over time: who waits, who runs, what the cache gives, who loses memory.
import { axis, chart, timeZoom, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { section } from '../dom.js';
import { brief, duration, fixed, percent } from '../format.js';
import { foldedTable } from '../table.js';
import { timeAxis } from '../ticks.js';

// Hits and preemptions are counted over windows, wide enough that most have some.
const mostWindows = 120;

function samples(timeline) {
  return timeline.time_s.map((time_s, i) => ({
    time_s,
    running: timeline.running[i],
    waiting: timeline.waiting[i],
  }));
}

// What was added within each window; the rate is null where nothing was looked up.
function windows(timeline) {
  const { time_s: times, hits, queries, preemptions } = timeline;
  const every = Math.ceil(times.length / mostWindows);
  const rows = [];
  for (let i = 0; i < times.length; i += every) {
    const [from, to] = [i - 1, Math.min(i + every, times.length) - 1];
    const added = (values) => values[to] - (from < 0 ? 0 : values[from]);
    rows.push({
      time_s: times[i],
      until_s: times[Math.min(to + 1, times.length - 1)],
      preemptions: added(preemptions),
      hit_rate: added(queries) > 0 ? added(hits) / added(queries) : null,
    });
  }
  return rows;
}

// Panels under each other over one time axis.
const panels = [
  { name: 'running', title: 'sequences running', color: 'series-1' },
  { name: 'waiting', title: 'requests waiting', color: 'series-2' },
  {
    name: 'hit_rate',
    title: 'prompt tokens found in the cache, %',
    color: 'series-3',
    scale: 100,
    max: 100,
    windowed: true,
  },
  { name: 'preemptions', title: 'preemptions', color: 'series-4', windowed: true },
];
const panelHeight = 96;
const scaled = ({ name, scale = 1 }, row) => (row[name] === null ? null : row[name] * scale);

function option(timeline) {
  const [moments, spans] = [samples(timeline), windows(timeline)];
  const top = (i) => 22 + i * (panelHeight + 38);
  return {
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    title: panels.map((panel, i) => ({
      text: panel.title,
      left: 50,
      top: top(i) - 22,
      textStyle: { fontSize: 12.5, fontWeight: 500, color: color('muted') },
    })),
    grid: panels.map((_, i) => ({ left: 52, right: 16, top: top(i), height: panelHeight })),
    tooltip: tooltip({
      trigger: 'axis',
      formatter: (points) =>
        `at ${duration(points[0].value[0])}<br>` +
        points
          .map(
            (p) => `${p.marker}${p.seriesName}: ${p.value[1] === null ? '-' : brief(p.value[1])}`,
          )
          .join('<br>'),
    }),
    dataZoom: [timeZoom({ xAxisIndex: panels.map((_, i) => i) })],
    xAxis: panels.map((_, i) => {
      const time = timeAxis(timeline.time_s);
      return axis({
        ...time,
        gridIndex: i,
        splitLine: { show: false },
        axisLabel: { ...time.axisLabel, show: i + 1 === panels.length },
      });
    }),
    yAxis: panels.map((panel, i) =>
      axis({
        type: 'value',
        gridIndex: i,
        min: 0,
        max: panel.max,
        splitNumber: 2,
        minInterval: 1,
        axisLabel: { formatter: brief },
      }),
    ),
    series: panels.map((panel, i) => ({
      type: 'line',
      name: panel.title,
      xAxisIndex: i,
      yAxisIndex: i,
      step: panel.windowed ? undefined : 'end',
      showSymbol: false,
      color: color(panel.color),
      lineStyle: { width: 1.3 },
      areaStyle: { opacity: 0.18 },
      data: panel.windowed
        ? spans.flatMap((row) => [
            [row.time_s, scaled(panel, row)],
            [row.until_s, scaled(panel, row)],
          ])
        : moments.map((row) => [row.time_s, scaled(panel, row)]),
    })),
  };
}

export function load(run) {
  if (!run.timeline) return null;
  const { batch } = run.summary;
  return section(
    'load',
    'Queue and batch',
    `Who runs and who waits, every ${duration(run.timeline.interval_s)}; hits and preemptions within windows of time.`,
    chart({
      title: 'Load over time',
      height: panels.length * (panelHeight + 38) + 46,
      label: () =>
        `${fixed(batch.mean_running, 1)} sequences run on average, ${fixed(batch.max_running)} at most; ` +
        `at most ${fixed(batch.max_waiting)} wait; ${fixed(run.summary.preemptions)} preemptions.`,
      option: () => option(run.timeline),
    }),
    foldedTable(
      'queue and batch over time',
      [
        { name: 'time_s', text: (row) => fixed(row.time_s, 3) },
        { name: 'running' },
        { name: 'waiting' },
      ],
      () => samples(run.timeline),
    ),
    foldedTable(
      'hits and preemptions over time',
      [
        { name: 'from_s', value: (row) => row.time_s, text: (row) => fixed(row.time_s, 3) },
        { name: 'until_s', text: (row) => fixed(row.until_s, 3) },
        { name: 'hit_rate', text: (row) => (row.hit_rate === null ? '-' : percent(row.hit_rate)) },
        { name: 'preemptions' },
      ],
      () => windows(run.timeline),
    ),
  );
}
